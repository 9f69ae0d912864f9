"""Every function that a template may call, by name. A visible list: what is not here does not exist."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, trunc
from typing import Any

from mcqa_suite.symbolic.values import (
    MOST_BITS,
    DrawError,
    ExpressionError,
    Number,
    bounded,
    items,
    mixed,
    number,
    plain,
)
from mcqa_suite.symbolic.vocabulary import MOST_IN_WORDS, in_words

MOST_EXPONENT = 64
LONGEST_RANGE = 60  # bits of its ends: Python counts no more


def divide(dividend: Number, divisor: Number) -> Number:
    """Exactly; DrawError for a divisor of 0."""
    if divisor == 0:
        raise DrawError("a division by zero")
    if type(dividend) is int and type(divisor) is int and not dividend % divisor:
        return dividend // divisor
    return plain(Fraction(dividend) / divisor)


def power(base: Number, exponent: Number) -> Number:
    """Whole exponents up to 64 whose result is short."""
    if not isinstance(exponent, int) or abs(exponent) > MOST_EXPONENT:
        raise ExpressionError(f"a power whose exponent is no whole number from -{MOST_EXPONENT} to {MOST_EXPONENT}")
    exact = Fraction(base)
    if max(exact.numerator.bit_length(), exact.denominator.bit_length()) * abs(exponent) > MOST_BITS:
        raise ExpressionError(f"a power of more than {MOST_BITS} bits")
    if base == 0 and exponent < 0:
        raise DrawError("a division by zero")
    return plain(exact**exponent)


def is_int(value: Any) -> bool:
    return not isinstance(number(value), Fraction)


def divides(dividend: Any, divisor: Any) -> bool:
    """Whether `dividend / divisor` is whole, in the order in which the public templates write them."""
    by = number(divisor)
    return by != 0 and not number(dividend) % by


def to_int(value: Any) -> int:
    return trunc(number(value))


def rounded(value: Any, digits: Any = 0) -> Number:
    places = number(digits)
    if not isinstance(places, int) or not 0 <= places <= 12:
        raise ExpressionError("round(x, digits) with digits other than 0 to 12")
    return plain(Fraction(round(Fraction(number(value)), places)))


def fraction(value: Any, divisor: Any = 1) -> Number:
    return divide(number(value), number(divisor))


def whole_range(*bounds: Any) -> range:
    numbers = [number(bound) for bound in bounds]
    if (
        not 1 <= len(numbers) <= 3
        or not all(isinstance(n, int) for n in numbers)
        or (len(numbers) == 3 and not numbers[2])
    ):
        raise ExpressionError("range takes one to three whole numbers, the step not 0")
    if any(n.bit_length() > LONGEST_RANGE for n in numbers if isinstance(n, int)):
        raise ExpressionError(f"range with a number of more than {LONGEST_RANGE} bits")
    return range(*numbers)  # type: ignore[arg-type]


def steps(*bounds: Any) -> list[Number]:
    """numpy.arange in exact numbers: start, stop (not reached), step."""
    first, *others = [number(bound) for bound in bounds]
    start, stop = (first, others[0]) if others else (0, first)
    step = others[1] if len(others) > 1 else 1
    if step <= 0 or len(others) > 2:
        raise ExpressionError("arange takes start, stop and a step above 0")
    count = bounded(max(0, ceil(Fraction(stop - start) / step)))
    return [plain(Fraction(start + index * step)) for index in range(count)]


def as_list(values: Any) -> list[Any]:
    bounded(len(items(values)))
    return list(values)


def numbers_within(low: Any, high: Any) -> list[tuple[str, int]]:
    """Whole numbers from `low` to `high`, both reached, that a question shows in words."""
    first, last = number(low), number(high)
    if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last <= MOST_IN_WORDS):
        raise ExpressionError(f"numbers_within takes two whole numbers from 0 to {MOST_IN_WORDS}")
    return [(in_words(value), value) for value in range(first, last + 1)]


def drawn(low: Any, high: Any, count: Any) -> list[int]:
    """numpy.random.randint, the same numbers for the same arguments: the instance's own seed chooses among them."""
    span = whole_range(low, high)
    size = number(count)
    if not isinstance(size, int) or size < 1 or not span:
        raise ExpressionError("randint takes low, high and how many, low below high")
    chance = random.Random(f"{low}:{high}:{count}")  # noqa: S311
    return [span[chance.randrange(len(span))] for _ in range(bounded(size))]


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(*values: Any) -> Any:
        given = as_list(values[0]) if len(values) == 1 else values
        if not given:
            raise ExpressionError("min or max of nothing")
        return choose(*[number(value) for value in given], *([number(given[0])] if len(given) == 1 else []))

    return extreme


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Fraction": fraction,
    "abs": lambda value: abs(number(value)),
    "ceil": lambda value: ceil(number(value)),
    "divides": divides,
    "fix_floats": as_list,  # the numbers are exact already
    "floor": lambda value: floor(number(value)),
    "format_frac": mixed,
    "frange": steps,
    "int": to_int,
    "is_int": is_int,
    "len": lambda values: len(items(values)),
    "list": as_list,
    "max": _extreme(max),
    "min": _extreme(min),
    "np.arange": steps,
    "np.random.randint": drawn,
    "numbers_within": numbers_within,
    "range": whole_range,
    "round": rounded,
    "shuffle_list": as_list,  # a draw is random whatever the order
    "sum": lambda values: plain(sum((number(value) for value in as_list(values)), start=0)),
}
