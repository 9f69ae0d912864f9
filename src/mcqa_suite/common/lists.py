"""Lists in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def first_of(texts: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first texts, and how many more there are: a, b and 3 more."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return separator.join(texts[:most]) + more
