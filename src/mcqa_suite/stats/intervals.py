"""Intervals for a share, a mean, and the difference of two shares of different items."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from mcqa_suite.stats.clusters import DesignEffect, Floats, design_effect


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval, from `n` items."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's width; the interval need not be symmetric."""
        return (self.high - self.low) / 2


def critical_value(level: float, degrees_of_freedom: float = inf) -> float:
    """The two-sided critical value of Student's t, or of the normal where the degrees of freedom are infinite."""
    if isinf(degrees_of_freedom):
        return float(special.ndtri(0.5 + level / 2))
    return float(special.stdtrit(degrees_of_freedom, 0.5 + level / 2))


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """A share with its Wilson score interval (Wilson 1927). ValueError if there is no item."""
    if n < 1:
        raise ValueError("a share of no items")
    low, high = wilson_bounds(successes / n, n, critical_value(level))
    return Estimate(successes / n, float(low), float(high), n)


def wilson_bounds(share: ArrayLike, n: ArrayLike, critical: ArrayLike) -> tuple[Floats, Floats]:
    """Both ends of Wilson's interval; broadcasts, and takes an `n` that is not a whole number."""
    p, total, z = (np.asarray(x, float) for x in (share, n, critical))
    scale = 1 + z * z / total
    middle = (p + z * z / (2 * total)) / scale
    half = z / scale * np.sqrt(np.maximum(0.0, p * (1 - p)) / total + z * z / (4 * total * total))
    return np.where(p <= 0, 0.0, np.maximum(0.0, middle - half)), np.where(p >= 1, 1.0, np.minimum(1.0, middle + half))


def clustered_share(right: NDArray[np.bool_], clusters: NDArray[np.integer], level: float = 0.95) -> Estimate:
    """A share whose items come in clusters: Wilson's interval at the effective sample size, with Student's t.

    The design effect is estimated from the data and may be under 1 (Korn and Graubard 1998; Miller, arXiv 2411.00640).
    ValueError for fewer than two clusters.
    """
    effect, share = design_effect(right.astype(float), clusters), float(right.mean())
    critical = critical_value(level, effect.degrees_of_freedom)
    low, high = wilson_bounds(share, len(right) / effect.factor, critical)
    return Estimate(share, float(low), float(high), len(right))


def mean_estimate(values: Floats, level: float = 0.95, effect: DesignEffect | None = None) -> Estimate:
    """A mean with Student's interval, for scores that are not 0 or 1; `effect` where items come in clusters."""
    n = len(values)
    if n < 1:
        raise ValueError("a mean of no items")
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, -inf, inf, n)
    half = critical_value(level, effect.degrees_of_freedom if effect else n - 1) * standard_error(values, effect)
    return Estimate(mean, mean - half, mean + half, n)


def standard_error(values: Floats, effect: DesignEffect | None = None) -> float:
    """Of the mean of at least two values; `effect` where they come in clusters."""
    return sqrt(effect.factor if effect else 1.0) * float(values.std(ddof=1)) / sqrt(len(values))


def unpaired_difference(first: Estimate, second: Estimate) -> Estimate:
    """The second share minus the first, of different items (Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10)."""
    value = second.value - first.value
    below = float(square_and_add(second.value - second.low, first.high - first.value))
    above = float(square_and_add(second.high - second.value, first.value - first.low))
    return Estimate(value, value - below, value + above, min(first.n, second.n))


def square_and_add(first: ArrayLike, second: ArrayLike, correlation: ArrayLike = 0.0) -> Floats:
    """The distance of a difference's bound from the distances of two estimates' own bounds."""
    x, y = np.asarray(first, float), np.asarray(second, float)
    return np.asarray(np.sqrt(np.maximum(0.0, x * x - 2 * np.asarray(correlation) * x * y + y * y)))
