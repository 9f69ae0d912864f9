"""Extract the number that a response commits to."""

from __future__ import annotations

import re
from functools import partial

from mcqa_suite.extract.decimals import WORD_VALUES, number_words_in, numbers_in
from mcqa_suite.extract.denial import NOT, denied, denied_after
from mcqa_suite.extract.endings import ends_with_result, unfinished
from mcqa_suite.extract.number_rules import ARITHMETIC, DATE, IRRATIONAL, NO_NUMBER, NUMBER_RULES, PLANNING, UNDECIDED
from mcqa_suite.extract.result import Extraction, Reading, Step, extract, first_reading
from mcqa_suite.extract.rules import Rule, last_announced
from mcqa_suite.extract.statements import conclude, denied_at, stated, stated_alone
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
    return None if undecided else _after(view, rule.name, match.end())


def _boxed(view: View, rule: str, start: int) -> Reading | None:
    """The number in a box: all of it, or the part after its last equals sign."""
    end = _closing(view.clean, start)
    if end < 0:
        return None
    if TUPLE.match(view.clean, start, end):
        return Reading(None, "several", rule, start, end)
    start = max(start, view.clean.rfind("=", start, end) + 1)
    if IRRATIONAL.search(view.clean, start, end):
        return Reading(None, "none", rule, start, end)
    numbers = numbers_in(view.clean, start, end) or number_words_in(view.low, start, end)
    if not numbers or (
        (len(numbers) > 1 and not view.clean[start : numbers[0].start].strip(" {("))
        and ARITHMETIC.match(view.clean, numbers[0].end)
    ):
        return None
    return stated(rule, numbers[0])


TUPLE = re.compile(r" {0,3}\([^()]{0,80},[^()]{0,80}\) {0,3}$")  # "\boxed{(2,3)}" is a point, not 2.3


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
    clean = view.clean
    skipped = LEAD.match(clean, start)
    start = skipped.end() if skipped else start
    end = clause_end(clean, start)
    numbers = numbers_in(clean, start, end)
    if numbers and denied_at(view, numbers[0]):
        numbers = []
    lead = clean[start : numbers[0].start].strip(" ~≈=$€£") if numbers else ""
    if numbers and (not lead or (len(lead) < 16 and not lead.count(" "))) and "=" not in clean[start:end]:
        if ARITHMETIC.match(clean, numbers[0].end) and len(numbers) > 1:
            return Reading(None, "none", rule, start, end)
        return stated_alone(view, rule, numbers[0], numbers)
    return conclude(view, rule, start, end)


# What may stand between an announcement and its number: "is: \n> **", but not the minus of "-3" or "-$3"
LEAD = re.compile(r"(?:[\s:>*#=\[(]|-(?![\d.$€£])){0,40}")
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
    """The number that is the whole last line: "**42**"."""
    body = view.clean.rstrip()
    start = body.rfind("\n") + 1
    line = body[start:]
    if len(line) > 400:
        return None
    numbers = numbers_in(view.clean, start, len(body))
    if len(numbers) != 1:
        return None
    rest = line[: numbers[0].start - start] + line[numbers[0].end - start :]
    if re.sub(r"[\s*$%#>.,;!()\[\]{}€£°|:-]|\\", "", rest):
        return None
    return stated("number_line", numbers[0])


def last_sentence(view: View) -> Reading | None:
    """The number that the last sentence of a complete response states."""
    body = view.clean.rstrip(" \n`")
    if not body or not ends_with_result(body) or body.endswith("?") or NO_NUMBER.search(view.low):
        return None
    start = max(0, len(body) - 800)
    for match in SENTENCE_START.finditer(body, start, len(body) - 1):
        start = match.end()
    if PLANNING.match(view.low, start):
        return None
    reading = conclude(view, "last_sentence", start, len(body))
    if reading is None or denied(view.low, reading.start) or denied_after(view.low, reading.end):
        return None
    dates = DATE.finditer(view.low, start, len(body))
    return None if any(date.start() <= reading.start < date.end() for date in dates) else reading


SENTENCE_START = re.compile(r"[.!?] {1,3}(?=\S)|\n {0,8}")

STEPS: tuple[Step, ...] = (announced, number_line, last_sentence)
