"""The words of estimates: durations, prices and lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

ESTIMATED = (
    ", from a measured matrix product and the numbers of tokens: expect it within a factor of two or three. Tokens: median, 95 %"
    " and longest; what requests share is read once, answers count as long as they may be, and what is cached takes no time."
)


def spread(lengths: Sequence[int]) -> str:
    """Median, 95 % quantile and maximum."""
    if not lengths:
        return ""
    ordered = sorted(lengths)
    return f"{median(ordered):.0f}, {ordered[math.ceil(0.95 * len(ordered)) - 1]:,}, {ordered[-1]:,}"


def duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 100
        else f"{seconds / 60:.0f} min"
        if seconds < 6000
        else f"{seconds / 3600:.1f} h"
    )


def price_words(seconds: float, rate: float | None) -> str:
    """What the time costs at a rate an hour; "" without one."""
    return "" if rate is None else f", {seconds / 3600 * rate:.2f} at {rate:g} an hour"
