"""Intervals for a share and for the difference of two shares of different items; design effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, inf

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]
FEWEST_EVENTS = 10  # below this a design effect is not estimated well enough


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, from `n` items."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's width, also where the interval is not symmetric."""
        return (self.high - self.low) / 2


def critical_value(degrees_of_freedom: float = inf, level: float = 0.95) -> float:
    """The two-sided critical value of Student's t; without degrees of freedom, of the normal distribution."""
    return float(special.stdtrit(degrees_of_freedom, 0.5 + level / 2))


def wilson(successes: int, n: int) -> Estimate:
    """A share with its Wilson score interval (Wilson 1927). Raises ValueError for n < 1."""
    if n < 1:
        raise ValueError("cannot compute a share: no items")
    low, high = wilson_bounds(successes / n, n, critical_value())
    return Estimate(successes / n, float(low), float(high), n)


def wilson_bounds(share: ArrayLike, n: ArrayLike, critical: ArrayLike) -> tuple[Floats, Floats]:
    """Both ends of Wilson's interval. Arguments broadcast; `n` may be a fraction."""
    p, total, z = (np.asarray(x, float) for x in (share, n, critical))
    scale = 1 + z * z / total
    middle = (p + z * z / (2 * total)) / scale
    half = z / scale * np.sqrt(np.maximum(0.0, p * (1 - p)) / total + z * z / (4 * total * total))
    return np.where(p <= 0, 0.0, np.maximum(0.0, middle - half)), np.where(p >= 1, 1.0, np.minimum(1.0, middle + half))


def unpaired_difference(first: Estimate, second: Estimate) -> Estimate:
    """Second share minus first, for independent samples (Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10)."""
    value = second.value - first.value
    below = hypot(second.value - second.low, first.high - first.value)
    above = hypot(second.high - second.value, first.value - first.low)
    return Estimate(value, value - below, value + above, min(first.n, second.n))


@dataclass(frozen=True)
class DesignEffect:
    """`factor`: variance of the mean, divided by its variance if items were independent; with its degrees of freedom.

    `most`: the factor if all items of a cluster were equal.
    """

    factor: float
    degrees_of_freedom: float
    most: float

    def cautious(self, events: float) -> DesignEffect:
        """Move the factor towards `most` where fewer than FEWEST_EVENTS `events` (divided by the factor) determine it.

        Events are the rows that differ between two models, or those of the rarer of right and wrong. An estimate from two or
        three of them is often too small: the interval then covers too little (benchmarks/accuracy/coverage.py).
        """
        missing = max(0.0, 1 - events / self.factor / FEWEST_EVENTS)
        return replace(self, factor=max(self.factor, self.factor + (self.most - self.factor) * missing))
