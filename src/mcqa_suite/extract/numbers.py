"""Which number a response ends on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from mcqa_suite.extract.decimals import number_words_in, numbers_in
from mcqa_suite.extract.denial import NOT, denied, denied_behind
from mcqa_suite.extract.number_rules import (
    ARITHMETIC,
    DATE,
    IRRATIONAL,
    NO_NUMBER,
    NUMBER_RULES,
    PLANNING,
    UNDECIDED,
    NumberRule,
)
from mcqa_suite.extract.reasoning import blank_reasoning
from mcqa_suite.extract.result import EMPTY, Extraction, first_answer
from mcqa_suite.extract.statements import Value, conclude, denied_at, single
from mcqa_suite.extract.text import FUNCTION_WORD, View, last_matches, number_view, occurs, run_on_cuts, views


def extract_number(response: str) -> Extraction:
    """The number that `response` commits to, as a canonical decimal string; never raises on text."""
    if not response or response.isspace():
        return EMPTY
    visible = blank_reasoning(response)
    if visible is None or not visible.strip():
        return Extraction(None, "truncated")
    readings = (_read(seen) for seen in views(visible, number_view))
    return first_answer(readings)


def _read(seen: View) -> Extraction:
    """One view, cut at the first invented question behind an answer."""
    for part in [*(seen.cut(cut) for cut in run_on_cuts(seen.low)), seen]:
        for step in STEPS if part.ends else STEPS[:1]:
            found = step(part)
            if found is not None:
                answer = found.number.value if found.number else None
                return Extraction(answer, found.status, found.rule, part.span(found.start, found.end))
    if NO_NUMBER.search(seen.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if finished(seen.clean) else "truncated")


def finished(clean: str) -> bool:
    """Whether a text comes to an end: by punctuation, with a result, or as a short line that stops on a telling word."""
    body = clean.rstrip()
    line = body[body.rfind("\n") + 1 :]
    if body[-1:] in ".!?)]}|" or re.search(r"= {0,3}[-$€£ ]{0,3}[\d.,]{1,40} {0,2}[%\w]{0,12}$", line[-80:]):
        return True
    return (
        len(line) < 120
        and len(body) < 240
        and not FUNCTION_WORD.search(line[-24:].lower())
        and line[-1:] not in ",;:+-*/=("
    )


def announced(seen: View) -> Value | None:
    """The number behind the last announcement of NUMBER_RULES that has one."""
    last: Value | None = None
    low = seen.low
    for rule in NUMBER_RULES:
        start = 0 if last is None else last.start
        if not occurs(rule.needles, low, start):
            continue
        for match in last_matches(rule.pattern, low, start):
            if rule.boxed:
                found = _boxed(seen, rule.name, match.end())
            else:
                found = None if undecided(rule, match.group()) else _behind(seen, rule.name, match.end())
            if found is not None and not denied(low, match.start()) and not denied_behind(low, found.end):
                last = found if last is None or found.start > last.start else last
                break
    return last


def undecided(rule: NumberRule, announcement: str) -> bool:
    """Whether an announcement holds its own doubt or denial: "the answer could be", "la respuesta no es"."""
    abroad = rule.name in ("answer_abroad", "answer_other_scripts")
    return bool(UNDECIDED.search(announcement) or (abroad and NOT.search(announcement)))


def _boxed(seen: View, rule: str, start: int) -> Value | None:
    """The number in a box: the whole of it, or what stands behind its last equals sign."""
    end = _closing(seen.clean, start)
    if end < 0:
        return None
    if TUPLE.match(seen.clean, start, end):
        return Value(None, "several", rule, start, end)
    start = max(start, seen.clean.rfind("=", start, end) + 1)
    if IRRATIONAL.search(seen.clean, start, end):
        return Value(None, "none", rule, start, end)
    found = numbers_in(seen.clean, start, end) or number_words_in(seen.low, start, end)
    if not found or (
        (len(found) > 1 and not seen.clean[start : found[0].start].strip(" {("))
        and ARITHMETIC.match(seen.clean, found[0].end)
    ):
        return None
    return Value(found[0], "answered", rule, found[0].start, found[0].end)


TUPLE = re.compile(r" {0,3}\([^()]{0,80},[^()]{0,80}\) {0,3}$")  # "\boxed{(2,3)}" holds a point, not 2.3


def _closing(clean: str, start: int) -> int:
    """Where the brace opened before `start` closes, or -1 if it does not within 300 characters."""
    depth = 1
    for at in range(start, min(len(clean), start + 300)):
        depth += {"{": 1, "}": -1}.get(clean[at], 0)
        if depth == 0:
            return at
    return -1


def _behind(seen: View, rule: str, start: int) -> Value | None:
    """The number in the clause that begins at `start`: the first, or the one behind an equals sign."""
    clean = seen.clean
    skipped = LEAD.match(clean, start)
    start = skipped.end() if skipped else start
    end = clause_end(clean, start)
    found = numbers_in(clean, start, end)
    if found and denied_at(seen, found[0]):
        found = []
    lead = clean[start : found[0].start].strip(" ~≈=$€£") if found else ""
    if found and (not lead or (len(lead) < 16 and not lead.count(" "))) and "=" not in clean[start:end]:
        if ARITHMETIC.match(clean, found[0].end) and len(found) > 1:
            return Value(None, "none", rule, start, end)
        return single(seen, rule, found[0], found)
    return conclude(seen, rule, start, end)


# What stands between an announcement and its number: "is: \n> **", but not the minus of "-3" or "-$3"
LEAD = re.compile(r"(?:[\s:>*#=\[(]|-(?![\d.$€£])){0,40}")


def clause_end(clean: str, start: int) -> int:
    """Where the sentence or line that begins at `start` ends, the next line included where this one ends in "="."""
    match = re.compile(r"[.!?;](?=\s|$)|\n").search(clean, start, start + 600)
    end = match.start() if match else min(len(clean), start + 600)
    if clean[start:end].rstrip().endswith("="):
        again = re.compile(r"\S[^\n]{0,200}").search(clean, end, end + 300)
        return again.end() if again else end
    return end


def number_line(seen: View) -> Value | None:
    """A number that has the last line, or the whole response, for itself: "**42**"."""
    body = seen.clean.rstrip()
    start = body.rfind("\n") + 1
    line = body[start:]
    if len(line) > 400:
        return None
    found = numbers_in(seen.clean, start, len(body))
    if len(found) != 1:
        return None
    rest = line[: found[0].start - start] + line[found[0].end - start :]
    if re.sub(r"[\s*$%#>.,;!()\[\]{}€£°|:-]|\\", "", rest):
        return None
    return Value(found[0], "answered", "number_line", found[0].start, found[0].end)


def last_sentence(seen: View) -> Value | None:
    """The number that the last sentence of a finished response states."""
    body = seen.clean.rstrip(" \n`")
    if not body or not finished(body) or body.endswith("?") or NO_NUMBER.search(seen.low):
        return None
    start = max(0, len(body) - 800)
    for match in SENTENCE_START.finditer(body, start, len(body) - 1):
        start = match.end()
    if PLANNING.match(seen.low, start):
        return None
    found = conclude(seen, "last_sentence", start, len(body))
    if found is None or denied(seen.low, found.start) or denied_behind(seen.low, found.end):
        return None
    dates = DATE.finditer(seen.low, start, len(body))
    return None if any(date.start() <= found.start < date.end() for date in dates) else found


SENTENCE_START = re.compile(r"[.!?] {1,3}(?=\S)|\n {0,8}")

STEPS: Sequence[Callable[[View], Value | None]] = (announced, number_line, last_sentence)

# One example a step behind the table of announcements, beside the rule that decides it
STEP_EXAMPLES: tuple[tuple[str, str, str], ...] = (
    ("number_line", "6 * 7\n**42**", "42"),
    ("last_sentence", "Since each pen costs 2 dollars, she paid 14 dollars.", "14"),
    ("last_sentence", "x = 5 and y = 7, so x + y = 12", "12"),
)
