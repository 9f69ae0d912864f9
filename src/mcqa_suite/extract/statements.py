"""Read the number that a clause states: after an announcement, or in the last sentence."""

from __future__ import annotations

import re

from mcqa_suite.extract.decimals import Number, number_words_in, numbers_in
from mcqa_suite.extract.denial import NOT_BEFORE
from mcqa_suite.extract.number_rules import (
    ARITHMETIC,
    CUE,
    EITHER_EQUATION,
    FUNCTION,
    PREDICATE,
    RESULT_CLAUSE,
    SECOND_NUMBER,
    SUBORDINATE,
)
from mcqa_suite.extract.result import Reading, Status
from mcqa_suite.extract.text import View

UNKNOWN = re.compile(r" {0,3}[a-z] {0,3}$")  # "4 = x"
# "3 + 2x = 21": an equation with an unknown
UNSOLVED = re.compile(
    r"[^=\n]{0,60}(?:\d[nxyz](?![a-z0-9])|(?<![a-z0-9] )(?<![a-z0-9])[nxyz] ?[+*/-] ?\d)[^=\n]{0,60}="
)


def stated(rule: str, number: Number, status: Status = "answered") -> Reading:
    """The reading of a number; without an answer for another status."""
    return Reading(number.value if status == "answered" else None, status, rule, number.start, number.end)


def asserted(view: View, start: int, end: int) -> list[Number]:
    """The numbers, in digits or else in words, that are not denied as in "not 5 but 7"."""
    numbers = numbers_in(view.clean, start, end) or number_words_in(view.low, start, end)
    return [number for number in numbers if not denied_at(view, number)]


def denied_at(view: View, number: Number) -> bool:
    """Whether a denial directly precedes a number: "not 5"."""
    return bool(NOT_BEFORE.search(view.low, max(0, number.start - 40), number.start))


def conclude(view: View, rule: str, start: int, end: int) -> Reading | None:
    """The number that a sentence states: after its last "=", a cue or a copula, or the first of its main clause."""
    clean, low = view.clean, view.low
    equals = clean.rfind("=", start, end)
    if equals >= 0:
        if UNSOLVED.match(low, start, end):
            return None
        if EITHER_EQUATION.search(low, start, end):
            return Reading(None, "several", rule, start, end)
        numbers = numbers_in(clean, equals + 1, end)
        if UNKNOWN.match(low, equals + 1, end):
            turned = numbers_in(clean, start, equals)
            return stated(rule, turned[-1]) if turned else None
        between = clean[equals + 1 : numbers[0].start].strip(" $€£(") if numbers else "?"
        if numbers and not between and not (ARITHMETIC.match(clean, numbers[0].end) and len(numbers) > 1):
            return stated(rule, numbers[0])
        return None
    start = _main_clause(view, start, end)
    numbers = asserted(view, start, end)
    if not numbers:
        return None
    by_start = {number.start: number for number in numbers}
    for pattern in (CUE, PREDICATE):
        for match in pattern.finditer(low, start, end):
            near = next((by_start[at] for at in range(match.end() - 3, match.end() + 3) if at in by_start), None)
            if near is not None:
                return stated_alone(view, rule, near, numbers)
    return stated_alone(view, rule, numbers[0], numbers)


def stated_alone(view: View, rule: str, number: Number, numbers: list[Number]) -> Reading:
    """`number`, unless a second number of equal importance follows or it is part of an unevaluated expression."""
    others = {other.value for other in numbers if other.start > number.start}
    if others - {number.value} and SECOND_NUMBER.match(view.low, number.end):
        return stated(rule, number, "several")
    inside = FUNCTION.search(view.low, max(0, number.start - 12), number.start)
    if inside or ARITHMETIC.match(view.clean, number.end) or view.clean[number.end : number.end + 2] in (")(", "(("):
        return stated(rule, number, "none")
    return stated(rule, number)


def _main_clause(view: View, start: int, end: int) -> int:
    """The start of the main clause: after ", so", or after a leading "Since ...," where a number remains."""
    for match in reversed(list(RESULT_CLAUSE.finditer(view.low, start, end))):
        if numbers_in(view.clean, match.end(), end):
            start = match.end()
            break
    for _ in range(2):
        lead = SUBORDINATE.match(view.low, start, end)
        if lead is None or not (numbers_in(view.clean, lead.end(), end) or number_words_in(view.low, lead.end(), end)):
            break
        start = lead.end()
    return start
