"""Intervals for accuracies and for paired differences between them. Pure; shares are fractions of 1."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from scipy.stats import binomtest


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, from `n` items."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: int, n: int) -> Estimate:
    """A share with its Wilson score interval (Wilson 1927). Raises ValueError if there is no item."""
    if n < 1:
        raise ValueError("a share of no items")
    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return Estimate(successes / n, float(interval.low), float(interval.high), n)


def paired_difference(both: int, only_second: int, only_first: int, neither: int) -> Estimate:
    """The second share minus the first over the same items, by how often each was right.

    Newcombe's method 10 for paired proportions (Statistics in Medicine 17, 1998, 2635-2650): Wilson intervals joined by
    square-and-add, with the correlation of the two. It holds at small n and near 0 or 1, where a normal interval does not.
    """
    n = both + only_second + only_first + neither
    second, first = wilson(both + only_second, n), wilson(both + only_first, n)
    margins = (both + only_second) * (only_first + neither) * (both + only_first) * (only_second + neither)
    phi = (both * neither - only_second * only_first) / sqrt(margins) if margins else 0.0
    low = _square_and_add(second.value - second.low, first.high - first.value, phi)
    high = _square_and_add(second.high - second.value, first.value - first.low, phi)
    difference = (only_second - only_first) / n
    return Estimate(difference, max(-1.0, difference - low), min(1.0, difference + high), n)


def _square_and_add(one: float, other: float, correlation: float) -> float:
    return sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))
