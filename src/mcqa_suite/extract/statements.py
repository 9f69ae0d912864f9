"""Which number a stretch of text states: a clause behind an announcement, or a last sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
from mcqa_suite.extract.result import Status
from mcqa_suite.extract.text import View

UNKNOWN = re.compile(r" {0,3}[a-z] {0,3}$")  # "4 = x"
# "3 + 2x = 21": an equation that still holds its unknown
UNSOLVED = re.compile(
    r"[^=\n]{0,60}(?:\d[nxyz](?![a-z0-9])|(?<![a-z0-9] )(?<![a-z0-9])[nxyz] ?[+*/-] ?\d)[^=\n]{0,60}="
)


@dataclass(frozen=True)
class Value:
    """A number found at one place by one rule, or None with the status that says why not."""

    number: Number | None
    status: Status
    rule: str
    start: int
    end: int


def asserted(seen: View, start: int, end: int) -> list[Number]:
    """The numbers of a stretch that are not denied right there, "not 5 but 7", in digits or else in words."""
    found = numbers_in(seen.clean, start, end) or number_words_in(seen.low, start, end)
    return [number for number in found if not denied_at(seen, number)]


def denied_at(seen: View, number: Number) -> bool:
    """Whether a denial stands right before a number: "not 5"."""
    return bool(NOT_BEFORE.search(seen.low, max(0, number.start - 40), number.start))


def conclude(seen: View, rule: str, start: int, end: int) -> Value | None:
    """The number that a sentence states: behind its last "=", a cue, a copula, or the first of its main clause."""
    clean, low = seen.clean, seen.low
    equals = clean.rfind("=", start, end)
    if equals >= 0:
        if UNSOLVED.match(low, start, end):
            return None
        if EITHER_EQUATION.search(low, start, end):
            return Value(None, "several", rule, start, end)
        found = numbers_in(clean, equals + 1, end)
        if UNKNOWN.match(low, equals + 1, end):
            turned = numbers_in(clean, start, equals)
            return Value(turned[-1], "answered", rule, turned[-1].start, turned[-1].end) if turned else None
        between = clean[equals + 1 : found[0].start].strip(" $€£(") if found else "?"
        if found and not between and not (ARITHMETIC.match(clean, found[0].end) and len(found) > 1):
            return Value(found[0], "answered", rule, found[0].start, found[0].end)
        return None
    start = _main_clause(seen, start, end)
    found = asserted(seen, start, end)
    if not found:
        return None
    by_place = {number.start: number for number in found}
    for pattern in (CUE, PREDICATE):
        for match in pattern.finditer(low, start, end):
            stated = next((by_place[at] for at in range(match.end() - 3, match.end() + 3) if at in by_place), None)
            if stated is not None:
                return single(seen, rule, stated, found)
    return single(seen, rule, found[0], found)


def single(seen: View, rule: str, number: Number, found: list[Number]) -> Value:
    """`number`, unless another one stands beside it on equal terms or it is part of an open expression."""
    others = {other.value for other in found if other.start > number.start}
    if others - {number.value} and SECOND_NUMBER.match(seen.low, number.end):
        return Value(None, "several", rule, number.start, number.end)
    if FUNCTION.search(seen.low, max(0, number.start - 12), number.start):
        return Value(None, "none", rule, number.start, number.end)
    if ARITHMETIC.match(seen.clean, number.end) or seen.clean[number.end : number.end + 2] in (")(", "(("):
        return Value(None, "none", rule, number.start, number.end)
    return Value(number, "answered", rule, number.start, number.end)


def _main_clause(seen: View, start: int, end: int) -> int:
    """Where the main clause starts: behind ", so", or behind a leading "Since ...," that leaves a number."""
    for match in reversed(list(RESULT_CLAUSE.finditer(seen.low, start, end))):
        if numbers_in(seen.clean, match.end(), end):
            start = match.end()
            break
    for _ in range(2):
        lead = SUBORDINATE.match(seen.low, start, end)
        if lead is None or not (numbers_in(seen.clean, lead.end(), end) or number_words_in(seen.low, lead.end(), end)):
            break
        start = lead.end()
    return start
