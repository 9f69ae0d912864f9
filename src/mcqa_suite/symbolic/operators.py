"""The operators of an expression, on exact numbers, words that stand for numbers, and lists."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from mcqa_suite.symbolic.functions import divide, power
from mcqa_suite.symbolic.values import (
    MOST_BITS,
    DrawError,
    Number,
    bounded,
    is_labelled,
    is_number,
    items,
    number,
    plain,
)

LONG = 1 << MOST_BITS


def _add(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:  # the common case, some ten times faster
        return left + right
    if isinstance(left, (list, tuple)) and not is_labelled(left):
        bounded(len(left) + len(items(right)))
        return [*left, *right]
    return plain(number(left) + number(right))


def _subtract(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int:
        return left - right
    return plain(number(left) - number(right))


def _multiply(left: Any, right: Any) -> Any:
    if type(left) is int and type(right) is int and -LONG < (product := left * right) < LONG:
        return product
    if isinstance(left, (list, range)) and isinstance(right, int):
        bounded(len(left) * max(0, right))
        return list(left) * right
    return plain(number(left) * number(right))


def _floor_divide(left: Any, right: Any) -> Any:
    return plain(number(left) // _divisor(right))


def _modulo(left: Any, right: Any) -> Any:
    return plain(number(left) % _divisor(right))


def _divisor(value: Any) -> Number:
    if not (divisor := number(value)):
        raise DrawError("a division by zero")
    return divisor


def _equal(left: Any, right: Any) -> bool:
    """Words that stand for a number are equal to it, and to other words for it."""
    if type(left) is int and type(right) is int:
        return left == right
    if is_number(left) or is_number(right) or (is_labelled(left) and is_labelled(right)):
        return not (isinstance(left, str) or isinstance(right, str)) and number(left) == number(right)
    return bool(left == right)


def _inside(left: Any, right: Any) -> bool:
    if isinstance(right, range) and not isinstance(left, str):
        return number(left) in right  # however long it is
    bounded(len(items(right)))
    return any(_equal(left, item) for item in right)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if type(left) is int and type(right) is int:
            return test(left, right)
        return test(number(left), number(right))

    return compare


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _add,
    ast.Sub: _subtract,
    ast.Mult: _multiply,
    ast.Div: lambda left, right: divide(number(left), number(right)),
    ast.FloorDiv: _floor_divide,
    ast.Mod: _modulo,
    ast.Pow: lambda left, right: power(number(left), number(right)),
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda left, right: not _equal(left, right),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
    ast.In: _inside,
    ast.NotIn: lambda left, right: not _inside(left, right),
}
