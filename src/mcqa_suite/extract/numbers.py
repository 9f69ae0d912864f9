"""Extract the number that a response commits to."""

from __future__ import annotations

import re
from functools import partial
from itertools import islice

from mcqa_suite.extract.decimals import WORD_VALUES, Number, numbers_in
from mcqa_suite.extract.denial import NOT, denied, denied_after
from mcqa_suite.extract.endings import ends_with_result, unfinished
from mcqa_suite.extract.number_rules import (
    DATE,
    INTERIM,
    MONTH,
    NO_NUMBER,
    NUMBER_RULES,
    PLANNING,
    RESULT_CLAUSE,
    RESULT_FOLLOWS,
    RETRACTED,
    UNDECIDED,
)
from mcqa_suite.extract.result import Extraction, Reading, Step, extract, first_reading
from mcqa_suite.extract.rules import Rule, last_announced
from mcqa_suite.extract.statements import RELATION, conclude, is_value, one_value, stated, stated_alone
from mcqa_suite.extract.surroundings import ITEM, REACH, in_expression, is_bound, is_denied, names_a_part, same_value
from mcqa_suite.extract.text import View, number_view


def extract_number(response: str) -> Extraction:
    """The number that `response` commits to, as a canonical decimal string; no text raises an error."""
    return extract(response, _read, number_view)


def _read(view: View) -> Extraction:
    cut = unfinished(view.low, _begins_number) if view.ends else -1
    if cut >= 0:
        before = first_reading(view.cut(cut), STEPS[:1], ())
        return before if before and before.answer is not None else Extraction(None, "truncated")
    if extraction := first_reading(view, STEPS, STEPS[:1]):
        return extraction
    if NO_NUMBER.search(view.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if ends_with_result(view.clean) else "truncated")


LONGEST_LINE, LONGEST_DATE = 400, 24
# "\\frac{1", "3 + ", "12 \\times (": an expression that is not finished
PART_OF_NUMBER = re.compile(
    r"\\?[dt]?frac ?\{[^{}]{0,40}(?:\} ?(?:\{[^{}]{0,40})?)?|[^a-z\n=]{0,80}(?:[\d)}] ?[+×÷^]| [*/]|\\times|\\cdot)[ ({]{0,3}"
)


def _begins_number(rest: str) -> bool:
    """Whether a response stops inside a number or an expression; a text such as "4" may be a whole number."""
    return bool(PART_OF_NUMBER.fullmatch(rest)) or (
        len(rest) > 1 and any(word.startswith(rest) and word != rest for word in WORD_VALUES)
    )


def announced(view: View) -> Reading | None:
    """The number after the last announcement of NUMBER_RULES that has one."""
    return last_announced(view, NUMBER_RULES, partial(_read_rule, view))


def _read_rule(view: View, rule: Rule, match: re.Match[str]) -> Reading | None:
    """The number that an announcement gives; none where it contains a doubt or denial: "the answer could be"."""
    if rule.name == "boxed":
        return _boxed(view, rule.name, match.end())
    abroad = rule.name in ("answer_abroad", "answer_other_scripts")
    undecided = UNDECIDED.search(match.group()) or (abroad and NOT.search(match.group()))
    interim = INTERIM.search(view.low, max(0, match.start() - 16), match.end()) and not ends_with_result(view.clean)
    if undecided or interim or _begins_work(view, match):
        return None
    reading = _after(view, rule.name, match.end())
    return None if reading is None or _in_date(view, reading) or RETRACTED.match(view.low, reading.end) else reading


def _begins_work(view: View, match: re.Match[str]) -> bool:
    """Whether a heading such as "Answer:" begins the work, whose result comes later: "Answer: He sold 3 * 4 = 12. So ..."."""
    phrase = match.group().rstrip(" ")
    if phrase[-1:] not in (":", "\n") or "final" in view.low[max(0, match.start() - 8) : match.end()]:
        return False
    words = WORDS_FOLLOW.match(view.low, match.end())
    if words is None:
        return False
    planned = PLANNING.match(view.low, words.start("word"))
    return bool(planned or RESULT_FOLLOWS.search(view.low, clause_end(view.clean, words.end())))


WORDS_FOLLOW = re.compile(r"[\s#>]{0,12}(?P<word>[^\W\d]\w*)(?=[ ,])")


def _boxed(view: View, rule: str, start: int) -> Reading | None:
    """The number in a box, unless a box right before it has a different one: "\\boxed{4} and \\boxed{9}"."""
    end = _closing(view.clean, start)
    if end < 0:
        return None
    if NOT_BOX.search(view.low, max(0, start - NEAR), start):
        return None
    before = BOX_BEFORE.search(view.clean, max(0, start - REACH), start)
    if before is not None:
        first, second = numbers_in(view.clean, *before.span("inside")), numbers_in(view.clean, start, end)
        if first and second and not same_value(view, first[-1], second[-1]):
            return Reading(None, "several", rule, start, end)
    return one_value(view, rule, start, end)


NEAR = 24
NOT_BOX = re.compile(r"\b(?:and|but)? ?not [$ \\(]{0,4}\\(?:boxed|fbox) ?\{$")  # "and not \\boxed{7}"
BOX_BEFORE = re.compile(
    r"\\(?:boxed|fbox) ?\{(?P<inside>[^{}]{1,24})\}[^\w\n\\]{0,12}(?:(?:or|and|,)[^\w\n\\]{0,12})?(?:[a-z] ?= ?)?"
    r"\\(?:boxed|fbox) ?\{$"
)


def _closing(clean: str, start: int) -> int:
    """The position of the closing brace for the one before `start`; -1 where there is none within 300 characters."""
    depth = 1
    for at in range(start, min(len(clean), start + 300)):
        depth += {"{": 1, "}": -1}.get(clean[at], 0)
        if depth == 0:
            return at
    return -1


def _after(view: View, rule: str, start: int) -> Reading | None:
    """The number in the clause that begins at `start`: the first, or the one after an equals sign."""
    skipped = LEAD.match(view.clean, start)
    start = skipped.end() if skipped else start
    end = clause_end(view.clean, start)
    numbers = numbers_in(view.clean, start, end)
    lead = view.clean[start : numbers[0].start].strip(" ~≈=$€£") if numbers else " "
    if " " in lead or len(lead) > 15 or is_denied(view, numbers[0]):
        return None if rule == "hash_marker" else conclude(view, rule, start, end)
    if names_a_part(view, numbers[0]):
        return None
    if is_bound(view, numbers[0]):
        return stated(rule, numbers[0], "none")
    if RELATION.search(view.clean, start, end):
        return conclude(view, rule, start, end)
    return stated_alone(view, rule, numbers[0])


# What may stand between an announcement and its number: "is: \n> **", but not the minus of "-3" or "-$3"
LEAD = re.compile(r"(?:[\s:>*#=\[(]|\$(?=[\s$])|-(?![\d.$€£\\(])){0,40}")
CLAUSE_END = re.compile(r"[.!?;](?=\s|$)|\n")
NEXT_LINE = re.compile(r"\S[^\n]{0,200}")


def clause_end(clean: str, start: int) -> int:
    """The end of the sentence or line that begins at `start`, including the next line after a final "="."""
    match = CLAUSE_END.search(clean, start, start + 600)
    end = match.start() if match else min(len(clean), start + 600)
    if clean[start:end].rstrip().endswith("="):
        again = NEXT_LINE.search(clean, end, end + 300)
        return again.end() if again else end
    return end


def number_line(view: View) -> Reading | None:
    """The number that is the whole last line, "**42**", or the whole first sentence, "42. She has 6 boxes of 7 pens."."""
    body = view.clean.rstrip(" \n$")
    number = _bare_number(view, body.rfind("\n") + 1, len(body))
    if number is None and view.begins:
        first = FIRST_SENTENCE.match(body)
        number = _bare_number(view, 0, first.end()) if first else None
    return stated("number_line", number) if number else None


FIRST_SENTENCE = re.compile(r"[^\w\n]{0,12}\d[^a-z\n.]{0,40}(?:\.\d[^a-z\n.]{0,40})?(?=\n|\.\s)")
NO_WORDS = re.compile(r"(?:[\s*$%#>.,;!()\[\]{}€£°|:-]|\\)*")


def _bare_number(view: View, start: int, end: int) -> Number | None:
    """The only number of a line that has no words."""
    if end - start > LONGEST_LINE:
        return None
    numbers = [number for number in numbers_in(view.clean, start, end) if not names_a_part(view, number)]
    if len(numbers) != 1 or in_expression(view, numbers[0]):
        return None
    around = ITEM.sub("", view.clean[start : numbers[0].start]) + view.clean[numbers[0].end : end]
    return numbers[0] if NO_WORDS.fullmatch(around) else None


def concluded(view: View) -> Reading | None:
    """The number in bold in the last paragraph of a complete response, or else the one that its last sentence states."""
    body = view.clean.rstrip(" \n`")
    if not body or not ends_with_result(body) or body.endswith("?") or NO_NUMBER.search(view.low):
        return None
    if (box := OPEN_BOX.search(body)) and _closing(body, box.end()) < 0:
        return None  # "\\boxed{4": digits may be missing
    reading = _bold_number(view) or _last_sentence(view, body)
    if reading is None or denied(view.low, reading.start) or denied_after(view.low, reading.end):
        return None
    return None if _in_date(view, reading) else reading


def _bold_number(view: View) -> Reading | None:
    """The only number that the last paragraph prints in bold: "**$70,000**. This is a 54 % return on 130,000."."""
    raw = view.raw[: len(view.clean)].rstrip()
    start = raw.rfind("\n\n") + 1
    numbers = []
    for match in islice(BOLD.finditer(raw, start), MOST_BOLD):
        inside = [number for number in numbers_in(view.clean, match.start(), match.end()) if is_value(view, number)]
        if len(inside) != 1 or len(match.group().split()) > 4:
            continue
        numbers.append(inside[0])
    if len({number.value for number in numbers}) != 1:
        return None
    last = numbers[-1]
    if in_expression(view, last) or RELATION.search(view.clean, last.end, clause_end(view.clean, last.end)):
        return None
    return stated_alone(view, "bold_number", last)


OPEN_BOX = re.compile(r"\\(?:boxed|fbox) ?\{(?=[^\n]{0,120}$)")
BOLD = re.compile(r"\*\*(?!\s)[^*\n]{1,60}\*\*(?! ?:)")
MOST_BOLD = 20


def _last_sentence(view: View, body: str) -> Reading | None:
    """The number that the last sentence states."""
    before = start = max(0, len(body) - 800)
    for match in SENTENCE_START.finditer(body, start, len(body) - 1):
        before, start = start, match.end()
    if _is_first_step(view.low, start) or (PLANNING.match(view.low, start) and not _has_result(view, start, len(body))):
        return None
    if _is_parallel(view, before, start, len(body)):
        return Reading(None, "several", "last_sentence", start, len(body))
    numbers = numbers_in(view.clean, start, len(body))
    if numbers and names_a_part(view, numbers[0]) and not _concludes(view, start, len(body)):
        return None  # "Student 3: 9 books", one of several
    reading = conclude(view, "last_sentence", start, len(body))
    return None if reading and SHARE.match(view.low, reading.end) else reading


def _concludes(view: View, start: int, end: int) -> bool:
    """Whether a sentence that begins with a label goes on to a result: "3) So 21", "Chapter 3 has 45, so together 75"."""
    item = ITEM.match(view.clean, start, end)
    return bool(
        RELATION.search(view.clean, start, end)
        or RESULT_CLAUSE.search(view.low, start, end)
        or (item and CONCLUDES.match(view.low, item.end(), end))
    )


def _has_result(view: View, start: int, end: int) -> bool:
    """Whether a plan goes on with its result: "We need to choose one of 3, so there are 3 ways"."""
    clauses = list(RESULT_CLAUSE.finditer(view.low, start, end))
    at = clauses[-1].end() if clauses else end
    return bool(numbers_in(view.clean, at, end)) and not PLANNING.match(view.low, at)


def _is_first_step(low: str, start: int) -> bool:
    """Whether a last sentence belongs to the first of several steps, and concludes nothing."""
    steps = STEP.findall(low[-LONGEST_STEP:])
    return bool(steps) and steps[-1] == "1" and not CONCLUDES.search(low, start)


LONGEST_STEP = 2_000


SENTENCE_START = re.compile(r"(?:[!?]|\.(?<![Mm]rs\.)(?<![DMdm]r\.)(?<![Mm]s\.)) {1,3}(?=\S)|\n {0,8}")
# "3 out of 5 questions": a share, whose count may not be the answer
SHARE = re.compile(r" out of (?:the |a total of )?\d")
# "Step 1: ...": a response that stops in its first step
STEP = re.compile(r"\bstep (\d{1,2})\b")
NUMBER_WORD = re.compile(r"\d[\d.,]{0,20}(?<![.,])")
WORD = re.compile(r"[#\w=+*/]+")
CONCLUDES = re.compile(r"\b(?:so|therefore|thus|hence|in total|altogether|means|total|answer|result)\b")


def _is_parallel(view: View, before: int, start: int, end: int) -> bool:
    """Whether two sentences differ in one word and a number: "One apple costs $1. One orange costs $3."."""
    parts = (ITEM.sub("", part) for part in (view.low[before:start], view.low[start:end]))
    first, second = (WORD.findall(NUMBER_WORD.sub("#", part)) for part in parts)
    shortest = 3 if "=" in first else 4
    if not first.count("#") == second.count("#") == 1 or len(first) < shortest or len(first) != len(second):
        return False
    return len([word for word, other in zip(first, second, strict=True) if word != other]) == 1


def _in_date(view: View, reading: Reading) -> bool:
    """Whether a number is a day or a year: "March 4, 2021"."""
    start, end = max(0, reading.start - LONGEST_DATE), reading.end + LONGEST_DATE
    if not MONTH.search(view.low, start, end):
        return False
    return any(date.start() <= reading.start < date.end() for date in DATE.finditer(view.low, start, end))


STEPS: tuple[Step, ...] = (announced, number_line, concluded)
