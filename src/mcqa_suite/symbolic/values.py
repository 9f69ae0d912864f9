"""The values of a template's expressions: exact numbers, text, lists, and pairs of words and a number."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

MOST_BITS = 512  # of a number; 9**9**9 would have more than a thousand million
MOST_ITEMS = 10_000  # of a list
Number = int | Fraction


class ExpressionError(ValueError):
    """An operation that is not allowed, whatever values are drawn."""


def is_number(value: Any) -> bool:
    return isinstance(value, (int, Fraction))


def is_labelled(value: Any) -> bool:
    """Whether it is a pair such as ("half", 1/2) or (20, 20): the text, and the number that it stands for."""
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], (str, int)) and is_number(value[1])


def number(value: Any) -> Number:
    """The value as an exact number; ExpressionError where it is not a number."""
    if type(value) is int or type(value) is Fraction:
        return value
    if is_labelled(value):
        return number(value[1])
    if isinstance(value, bool):
        return int(value)
    raise ExpressionError(f"{_shown(value)} where a number is needed")


def plain(value: Number) -> Number:
    """A Fraction with denominator 1 as an int; ExpressionError for a number of more than MOST_BITS bits."""
    if type(value) is Fraction:
        if value.denominator == 1:
            return plain(value.numerator)
        if value.denominator.bit_length() + value.numerator.bit_length() > MOST_BITS:
            raise ExpressionError(f"a number of more than {MOST_BITS} bits")
        return value
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ExpressionError(f"a number of more than {MOST_BITS} bits")
    return value


def items(value: Any) -> Any:
    """The value itself where it is a list, a tuple or a range; ExpressionError otherwise."""
    if isinstance(value, (range, list, tuple)):
        return value
    raise ExpressionError(f"{_shown(value)} where a list is needed")


def bounded(count: int) -> int:
    """`count`; ExpressionError where it is more than a list may have."""
    if count > MOST_ITEMS:
        raise ExpressionError(f"a list of {count:,} values; at most {MOST_ITEMS:,}")
    return count


def text(value: Any) -> str:
    """The value as a question shows it: 11.25, 1/3, half, Monday."""
    if is_labelled(value):
        return str(value[0])
    if not isinstance(value, str) and not is_number(value):
        raise ExpressionError(f"{_shown(value)} where a word or a number is needed")
    return numeric_text(value)


def numeric_text(value: Any) -> str:
    """The value as a calculation shows it: a decimal if six places are exact, else a fraction; for words their number."""
    if isinstance(value, str):
        return value
    exact = Fraction(number(value))
    places = next((n for n in range(7) if 10**n % exact.denominator == 0), None)
    if places is None:
        return f"{exact.numerator}/{exact.denominator}"
    whole, rest = divmod(abs(exact.numerator) * 10**places // exact.denominator, 10**places)
    return f"{'-' if exact < 0 else ''}{whole}{f'.{rest:0{places}}' if places else ''}"


def in_calculation(value: Any) -> str:
    """`numeric_text` with a fraction in brackets, as in 10/(2/3)."""
    shown = numeric_text(value)
    return f"({shown})" if "/" in shown and not isinstance(value, str) else shown


def mixed(value: Any) -> str:
    """A fraction as people write it: 5 1/4."""
    exact = Fraction(number(value))
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    sign = "-" if exact < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole} {rest}/{exact.denominator}" if whole else f"{sign}{rest}/{exact.denominator}"


def read_number(written: str) -> Number | None:
    """The exact value of `1,080`, `-3`, `0.25` or `3/4`; None for any other text."""
    bare = written.strip().replace(",", "")
    if bare[:1] == "(" and bare[-1:] == ")":
        bare = bare[1:-1]
    if not re.fullmatch(r"-?\d{1,100}(\.\d{1,100}|/[1-9]\d{0,100})?", bare):
        return None
    return plain(Fraction(bare))


def _shown(value: Any) -> str:
    shown = f"a list of {len(value)}" if isinstance(value, (list, range)) else repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
