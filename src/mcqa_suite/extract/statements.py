"""Read the number that a clause states: after an announcement, or in the last sentence."""

from __future__ import annotations

import re

from mcqa_suite.extract.decimals import Number, number_words_in, numbers_in
from mcqa_suite.extract.number_rules import (
    ADJUNCT_AFTER,
    ADJUNCT_BEFORE,
    CUE,
    EITHER_EQUATION,
    PREDICATE,
    RESULT_CLAUSE,
    SECOND_NUMBER,
    SUBORDINATE,
    VERB_LAST,
)
from mcqa_suite.extract.result import Reading, Status
from mcqa_suite.extract.surroundings import NEAR, UNWORKED, in_expression, is_bound, is_denied, names_a_part, same_value
from mcqa_suite.extract.text import View

RELATION = re.compile(r"(?<![<>!(])(?<!\( )=|[≈≃≅]|\\(?:approx|simeq|cong|doteq|equiv)(?![a-z])")
INEQUALITY = re.compile(r"[<>≤≥≠∈]|\\(?:leq?|geq?|lt|gt|neq?|in|leqslant|geqslant)(?![a-z])")
SEPARATOR = re.compile(r"[,;&\n]|\\(?![a-z])|\b(?:and|or|to|und|oder|et|ou|y|o)\b")
UNIT_POWER = re.compile(
    r"[\s{},~]{0,40}(?:[a-z]{2,12}|[gms])(?:[ /·}{]{1,20}[a-z]{1,12}){0,3}[\s}]{0,4}\^ ?\{? ?-?$"
)  # "cm^{"
LISTED = re.compile(r" ?%?(?:[,;] | or )[-$€£]{0,2}\d{1,20}[^\w,.]{0,4}(?:$|[.\n])")  # "x = 3, 5"
EQUATION_START = re.compile(
    r"[,;:] |\b(?:so|then|hence|thus|therefore|implies|means)\b|[⇒→]|=>|\\(?:implies|rightarrow)"
)
UNKNOWN = re.compile(r" {0,3}[a-z][ .]{0,3}$")  # "4 = x"
# "3 + 2x = 21": an equation with an unknown
UNSOLVED = re.compile(
    r"[^=\n]{0,60}(?:\d[nxyz](?![a-z0-9])|(?<![a-z0-9] )(?<![a-z0-9])[nxyz] ?[+*/-] ?\d)[^=\n]{0,60}="
)
# "x = 3 and y = ": the equations of two unknowns
TWO_UNKNOWNS = re.compile(
    r"(?<![+*/-] )(?<!\w)[a-z](?:_\w)? ?= ?[^=,;]{1,16}?(?:[,;]| and| or)[ $\\()]{0,4}(?:and |or )?[a-z](?:_\w)? ?=$"
)


def stated(rule: str, number: Number, status: Status = "answered") -> Reading:
    """The reading of a number; without an answer for another status."""
    if status != "answered":
        return Reading(None, status, rule, number.start, number.end)
    return Reading(number.value, status, rule, number.start, number.end, number.other)


def one_value(view: View, rule: str, start: int, end: int) -> Reading | None:
    """The one value of a box or a gold answer, after its last equals sign; None where it is empty.

    "4, 9", "5 to 7" and "(2, 3)" are several values, "2^{10}", "\\frac{\\pi}{2}" and "x > 5" are none; "0.25 or 25 %" is one.
    """
    if not view.clean[start:end].strip(" {}"):
        return None
    numbers = values_in(view, start, end)
    if not numbers or INEQUALITY.search(view.low, start, end):
        return Reading(None, "none", rule, start, end)
    values: list[Number] = []
    worked, at = True, start
    for number in numbers:
        gap = view.low[at : number.start]
        if values and gap.endswith(" ("):
            break  # "12 (5 boys and 7 girls)"
        if not values or SEPARATOR.search(gap):
            values.append(number)
        elif RELATION.search(gap):
            values[-1], worked = number, True
        else:
            worked = False
        alone = not in_expression(view, number, start) and not UNWORKED.search(gap[last_relation(gap) :])
        worked, at = worked and alone, number.end
    if len(values) > 1 and not all(same_value(view, values[0], other) for other in values[1:]):
        return Reading(None, "several", rule, start, end)
    worked = worked and not UNWORKED.search(view.clean, at, end)
    return stated(rule, values[0]) if worked else Reading(None, "none", rule, start, end)


def values_in(view: View, start: int, end: int) -> list[Number]:
    """The numbers of a box, in digits or else in words, without the powers of units: "36 cm^2" is 36."""
    numbers: list[Number] = []
    at = start
    for number in numbers_in(view.clean, start, end) or number_words_in(view.low, start, end):
        if not numbers or not UNIT_POWER.fullmatch(view.low, at, number.start):
            numbers.append(number)
        at = number.end
    return numbers


def last_relation(text: str) -> int:
    """The end of the last equals sign; 0 where there is none."""
    return max((match.end() for match in RELATION.finditer(text)), default=0)


def asserted(view: View, start: int, end: int) -> list[Number]:
    """The numbers, in digits or else in words, that are values: not denied as in "not 5 but 7", no bound and no label."""
    numbers = numbers_in(view.clean, start, end) or number_words_in(view.low, start, end)
    return [number for number in numbers if is_value(view, number)]


def is_value(view: View, number: Number) -> bool:
    """Whether a number is neither denied, nor a bound, nor the label of a step."""
    return not (is_denied(view, number) or names_a_part(view, number) or is_bound(view, number))


def conclude(view: View, rule: str, start: int, end: int) -> Reading | None:
    """The number that a sentence states: after its last "=", a cue or a copula, or the first of its main clause."""
    relations = list(RELATION.finditer(view.low, start, end))
    if relations:
        return _worked_out(view, rule, start, end, relations[-1])
    start = _main_clause(view, start, end)
    numbers = asserted(view, start, end)
    if not numbers:
        return None
    by_start = {number.start: number for number in numbers}
    for pattern in (CUE, PREDICATE):
        for match in pattern.finditer(view.low, start, end):
            near = next((by_start[at] for at in range(match.end() - 3, match.end() + 3) if at in by_start), None)
            if near is not None:
                return stated_alone(view, rule, near)
    numbers = [number for number in numbers if not is_adjunct(view, number)] or numbers
    return stated_alone(view, rule, numbers[-1 if VERB_LAST.search(view.low, start, end) else 0])


def is_adjunct(view: View, number: Number) -> bool:
    """Whether a number belongs to an adjunct: "for 12 people"."""
    before = view.low[max(0, number.start - NEAR) : number.start]
    return bool(ADJUNCT_BEFORE.search(before) or ADJUNCT_AFTER.match(view.low, number.end))


def _worked_out(view: View, rule: str, start: int, end: int, relation: re.Match[str]) -> Reading | None:
    """The number after the last equals sign of a sentence, or before it in "4 = x"."""
    clean, low = view.clean, view.low
    if EITHER_EQUATION.search(low, start, end) or TWO_UNKNOWNS.search(low, start, relation.end()):
        return Reading(None, "several", rule, start, end)
    starts = [match.end() for match in EQUATION_START.finditer(low, start, relation.start())]
    if UNSOLVED.match(low, starts[-1] if starts else start, end):
        return None
    if UNKNOWN.match(low, relation.end(), end):
        turned = numbers_in(clean, start, relation.start())
        return stated(rule, turned[-1]) if turned else None
    numbers = numbers_in(clean, relation.end(), end)
    if not numbers or clean[relation.end() : numbers[0].start].strip(" $€£({"):
        return None
    if LISTED.match(low, numbers[0].end):
        return stated(rule, numbers[0], "several")
    return stated(rule, numbers[0], "none" if in_expression(view, numbers[0]) else "answered")


def stated_alone(view: View, rule: str, number: Number) -> Reading:
    """`number`, unless a second number of equal importance follows or it is part of an unevaluated expression."""
    follows = SECOND_NUMBER.match(view.low, number.end)
    second = numbers_in(view.clean, number.end, follows.end() + 24)[:1] if follows else []
    if second and is_value(view, second[0]) and not same_value(view, number, second[0]):
        return stated(rule, number, "several")
    return stated(rule, number, "none" if in_expression(view, number) else "answered")


# "5 nickels x 1.30 dollars, or 6.50 nickels": an expression and its value
EXPRESSION_OR = re.compile(r"\d[^,.\n]{0,24} (?:x|×|\*|times|plus|minus|\+|/|÷) (?:[^,.\n]|\.(?=\d)){1,40}, or ")


def _main_clause(view: View, start: int, end: int) -> int:
    """The start of the main clause: after ", so", or after a leading "Since ...," where a number remains."""
    for match in reversed(list(RESULT_CLAUSE.finditer(view.low, start, end))):
        if numbers_in(view.clean, match.end(), end):
            start = match.end()
            break
    worked = EXPRESSION_OR.search(view.low, start, end)
    if worked and numbers_in(view.clean, worked.end(), end):
        return worked.end()
    for _ in range(2):
        lead = SUBORDINATE.match(view.low, start, end)
        if lead is None or not (numbers_in(view.clean, lead.end(), end) or number_words_in(view.low, lead.end(), end)):
            break
        start = lead.end()
    return start
