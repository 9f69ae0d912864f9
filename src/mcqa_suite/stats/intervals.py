"""Intervals for a share or a mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mcqa_suite.stats.clusters import DesignEffect, design_effect

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its interval (95 % unless said otherwise), from `n` items."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval's width; the interval need not be symmetric."""
        return (self.high - self.low) / 2


def critical_value(level: float, degrees_of_freedom: float = float("inf")) -> float:
    """The two-sided critical value of Student's t, or of the normal where the degrees of freedom are infinite."""
    if isinf(degrees_of_freedom):
        return float(special.ndtri(0.5 + level / 2))
    return float(special.stdtrit(degrees_of_freedom, 0.5 + level / 2))


def wilson(successes: int, n: int, level: float = 0.95) -> Estimate:
    """A share with its Wilson score interval (Wilson 1927). Raises ValueError if there is no item."""
    if n < 1:
        raise ValueError("a share of no items")
    low, high = _wilson_bounds(successes, n, critical_value(level))
    return Estimate(successes / n, low, high, n)


def clustered_share(right: NDArray[np.bool_], clusters: NDArray[np.integer], level: float = 0.95) -> Estimate:
    """A share whose items come in clusters: Wilson's interval at the effective sample size, with Student's t.

    The design effect is taken from the data, so that it may also be under 1 (Korn and Graubard 1998; Miller,
    arXiv 2411.00640). Raises ValueError for fewer than two clusters.
    """
    n = len(right)
    effect = design_effect(right.astype(float), clusters)
    effective = n / effect.factor
    critical = critical_value(level, effect.degrees_of_freedom)
    low, high = _wilson_bounds(float(right.mean()) * effective, effective, critical)
    return Estimate(float(right.mean()), low, high, n)


def mean_estimate(values: Floats, level: float = 0.95, effect: DesignEffect | None = None) -> Estimate:
    """A mean with Student's interval, for scores that are not 0 or 1; `effect` where items come in clusters."""
    n = len(values)
    if n < 1:
        raise ValueError("a mean of no items")
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, float("-inf"), float("inf"), n)
    freedom = effect.degrees_of_freedom if effect else n - 1
    half = critical_value(level, freedom) * standard_error(values, effect)
    return Estimate(mean, mean - half, mean + half, n)


def standard_error(values: Floats, effect: DesignEffect | None = None) -> float:
    """Of the mean of at least two values; `effect` where they come in clusters."""
    return sqrt(effect.factor if effect else 1.0) * float(values.std(ddof=1)) / sqrt(len(values))


def _wilson_bounds(successes: float, n: float, critical: float) -> tuple[float, float]:
    share, square = successes / n, critical * critical
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = critical / (1 + square / n) * sqrt(max(0.0, share * (1 - share)) / n + square / (4 * n * n))
    low = 0.0 if share <= 0 else max(0.0, middle - half)
    high = 1.0 if share >= 1 else min(1.0, middle + half)
    return low, high
