"""JSON of strangers: nested within reason, and without integers that take the memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import inf
from typing import Any

MOST_DEPTH = 100  # lists and objects in one another
# From here on an integer may be larger than every float. Of so many digits, six are in every fiftieth character, which are quick
# to look at.
LONG_NUMBER, STEP, SOME_DIGITS = re.compile(r"[0-9]{300}"), 50, re.compile(r"[0-9]{6}")
LARGEST = 10**300


def loads(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of JSON text; ValueError for other text and for deep nesting.

    An integer that no float can hold is infinite, as 1e999 is. `pairs` makes an object of its keys and values.
    """
    text = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
    long = SOME_DIGITS.search(text[::STEP]) and LONG_NUMBER.search(text)
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_int=_integer if long else None)
    except RecursionError as error:
        raise _too_deep() from error
    if text.count("[") + text.count("{") > MOST_DEPTH:
        _check_depth(value)
    return value


def _integer(digits: str) -> float:
    number = int(digits) if len(digits) < 1000 else LARGEST
    return number if abs(number) < LARGEST else (-inf if digits.startswith("-") else inf)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        nested = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        if not nested:
            return
        level = [item for items in nested for item in items]
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"lists and objects nested more than {MOST_DEPTH} deep")
