"""The operators and functions that a template may use, on exact numbers, words with a number, and lists."""

from __future__ import annotations

import ast
import operator
import random
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor, trunc
from typing import Any

from mcqa_suite.symbolic.values import (
    MOST_BITS,
    ExpressionError,
    Number,
    bounded,
    is_labelled,
    is_number,
    items,
    mixed,
    number,
    plain,
)
from mcqa_suite.symbolic.vocabulary import MOST_IN_WORDS, in_words

MOST_EXPONENT = 64
MOST_RANGE_BITS = 60  # of the numbers in range(), below the limit of Python's len()


def _numeric(act: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator on exact numbers; two integers, the common case, are about ten times faster."""

    def calculate(left: Any, right: Any) -> Any:
        if type(left) is int and type(right) is int:
            return act(left, right)
        return plain(act(number(left), number(right)))

    return calculate


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, (list, tuple)) and not is_labelled(left):
        bounded(len(left) + len(items(right)))
        return [*left, *right]
    return _sum(left, right)


_sum = _numeric(operator.add)


def _multiply(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:
        return plain(left * right)
    if isinstance(left, (list, range)) and isinstance(right, int):
        bounded(len(left) * max(0, right))
        return list(left) * right
    return plain(number(left) * number(right))


def _divide(left: Any, right: Any = 1) -> Number:
    dividend, divisor = number(left), number(right)
    if type(dividend) is int and type(divisor) is int and not dividend % divisor:
        return dividend // divisor
    return plain(Fraction(dividend) / divisor)


def _power(left: Any, right: Any) -> Number:
    base, exponent = Fraction(number(left)), number(right)
    if not isinstance(exponent, int) or abs(exponent) > MOST_EXPONENT:
        raise ExpressionError(f"a power whose exponent is not a whole number from -{MOST_EXPONENT} to {MOST_EXPONENT}")
    if max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(exponent) > MOST_BITS:
        raise ExpressionError(f"a power of more than {MOST_BITS} bits")
    return plain(base**exponent)


def _equal(left: Any, right: Any) -> bool:
    """Whether two values are equal; words with a number are equal to that number and to other words with it."""
    if type(left) is int and type(right) is int:
        return left == right
    if is_number(left) or is_number(right) or (is_labelled(left) and is_labelled(right)):
        return not (isinstance(left, str) or isinstance(right, str)) and number(left) == number(right)
    return bool(left == right)


def _inside(left: Any, right: Any) -> bool:
    if isinstance(right, range) and not isinstance(left, str):
        return number(left) in right  # fast for a range of any length
    bounded(len(items(right)))
    return any(_equal(left, item) for item in right)


def _divides(dividend: Any, divisor: Any) -> bool:
    """Whether `dividend / divisor` is whole; the public templates have the arguments in this order."""
    by = number(divisor)
    return by != 0 and not number(dividend) % by


def _round(value: Any, digits: Any = 0) -> Number:
    places = number(digits)
    if not isinstance(places, int) or not 0 <= places <= 12:
        raise ExpressionError("round(x, digits) with digits other than 0 to 12")
    return plain(Fraction(round(Fraction(number(value)), places)))


def _range(*bounds: Any) -> range:
    numbers = [number(bound) for bound in bounds]
    whole = [bound for bound in numbers if isinstance(bound, int)]
    if len(whole) < len(numbers) or not 1 <= len(whole) <= 3 or whole[2:] == [0]:
        raise ExpressionError("range takes one to three whole numbers, the step not 0")
    if any(bound.bit_length() > MOST_RANGE_BITS for bound in whole):
        raise ExpressionError(f"range with a number of more than {MOST_RANGE_BITS} bits")
    return range(*whole)


def _exact_range(*bounds: Any) -> list[Number]:
    """numpy.arange with exact numbers: start, stop (excluded), step."""
    first, *others = [number(bound) for bound in bounds]
    start, stop = (first, others[0]) if others else (0, first)
    step = others[1] if len(others) > 1 else 1
    if step <= 0 or len(others) > 2:
        raise ExpressionError("arange takes start, stop and a step above 0")
    count = bounded(max(0, ceil(Fraction(stop - start) / step)))
    return [plain(Fraction(start + index * step)) for index in range(count)]


def _list(values: Any) -> list[Any]:
    bounded(len(items(values)))
    return list(values)


def _numbers_within(low: Any, high: Any) -> list[tuple[str, int]]:
    """The whole numbers from `low` to `high`, both included, with their words."""
    first, last = number(low), number(high)
    if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last <= MOST_IN_WORDS):
        raise ExpressionError(f"numbers_within takes two whole numbers from 0 to {MOST_IN_WORDS}")
    return [(in_words(value), value) for value in range(first, last + 1)]


def _randint(low: Any, high: Any, count: Any) -> list[int]:
    """numpy.random.randint, with the arguments as seed: the same arguments always give the same list."""
    span, size = _range(low, high), number(count)
    if not isinstance(size, int) or size < 1 or not span:
        raise ExpressionError("randint takes low, high and how many, low below high")
    rng = random.Random(f"{low}:{high}:{count}")  # noqa: S311
    return [span[rng.randrange(len(span))] for _ in range(bounded(size))]


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(*values: Any) -> Any:
        numbers = [number(value) for value in (_list(values[0]) if len(values) == 1 else values)]
        if not numbers:
            raise ExpressionError("min or max of nothing")
        return choose(numbers)

    return extreme


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _add,
    ast.Sub: _numeric(operator.sub),
    ast.Mult: _multiply,
    ast.Div: _divide,
    ast.FloorDiv: _numeric(operator.floordiv),
    ast.Mod: _numeric(operator.mod),
    ast.Pow: _power,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda left, right: not _equal(left, right),
    ast.Lt: _numeric(operator.lt),
    ast.LtE: _numeric(operator.le),
    ast.Gt: _numeric(operator.gt),
    ast.GtE: _numeric(operator.ge),
    ast.In: _inside,
    ast.NotIn: lambda left, right: not _inside(left, right),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Fraction": _divide,
    "abs": lambda value: abs(number(value)),
    "ceil": lambda value: ceil(number(value)),
    "divides": _divides,
    "fix_floats": _list,  # the numbers are exact already
    "floor": lambda value: floor(number(value)),
    "format_frac": mixed,
    "frange": _exact_range,
    "int": lambda value: trunc(number(value)),
    "is_int": lambda value: not isinstance(number(value), Fraction),
    "len": lambda values: len(items(values)),
    "list": _list,
    "max": _extreme(max),
    "min": _extreme(min),
    "np.arange": _exact_range,
    "np.random.randint": _randint,
    "numbers_within": _numbers_within,
    "range": _range,
    "round": _round,
    "shuffle_list": _list,  # the order does not matter, because values are drawn at random
    "sum": lambda values: plain(sum((number(value) for value in _list(values)), start=0)),
}
