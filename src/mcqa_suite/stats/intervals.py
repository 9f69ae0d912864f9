"""Intervals for a share, a mean, and the difference of two shares of different items; design effects of clustered items."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


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


def share_estimate(right: NDArray[np.bool_], clusters: NDArray[np.integer] | None = None) -> Estimate:
    """Share of right items with Wilson's interval; for clustered items at the effective sample size, with Student's t.

    The design effect is estimated from the data and may be below 1 (Korn and Graubard 1998; Miller, arXiv 2411.00640).
    Raises ValueError for no items, and for fewer than two clusters.
    """
    if clusters is None:
        return wilson(int(right.sum()), len(right))
    effect, share = design_effect(right.astype(float), clusters), float(right.mean())
    low, high = wilson_bounds(share, len(right) / effect.factor, critical_value(effect.degrees_of_freedom))
    return Estimate(share, float(low), float(high), len(right))


def mean_estimate(values: Floats, clusters: NDArray[np.integer] | None = None) -> Estimate:
    """Mean with Student's t interval. Raises ValueError for no items, and for fewer than two clusters."""
    n = len(values)
    if n < 1:
        raise ValueError("cannot compute a mean: no items")
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, -inf, inf, n)
    effect = None if clusters is None else design_effect(values, clusters)
    half = critical_value(effect.degrees_of_freedom if effect else n - 1) * standard_error(values, effect)
    return Estimate(mean, mean - half, mean + half, n)


def standard_error(values: Floats, effect: DesignEffect | None = None) -> float:
    """Standard error of the mean of at least two values. `effect` is the design effect of clustered items."""
    return sqrt(effect.factor if effect else 1.0) * float(values.std(ddof=1)) / sqrt(len(values))


def unpaired_difference(first: Estimate, second: Estimate) -> Estimate:
    """Second share minus first, for independent samples (Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10)."""
    value = second.value - first.value
    below = hypot(second.value - second.low, first.high - first.value)
    above = hypot(second.high - second.value, first.value - first.low)
    return Estimate(value, value - below, value + above, min(first.n, second.n))


@dataclass(frozen=True)
class DesignEffect:
    """`factor`: variance of the mean, divided by its variance if items were independent; with its degrees of freedom."""

    factor: float
    degrees_of_freedom: float
    clusters: int


def design_effect(values: Floats, clusters: NDArray[np.integer]) -> DesignEffect:
    """The design effect of the mean of `values`; `clusters` holds each item's cluster number, from 0.

    The variance is the cluster-robust CR2 estimate, with the degrees of freedom of Bell and McCaffrey (Survey Methodology
    28, 2002). For clusters of equal size these are the between-cluster variance and clusters - 1. If all values are equal,
    the factor is 1 and the degrees of freedom are infinite. Raises ValueError for fewer than two clusters.
    """
    totals, sizes = cluster_totals(values, clusters)
    squares = ((values - values.mean()) ** 2).sum()
    factor = float(variance_ratio(totals, sizes, np.asarray(squares)))
    freedom = degrees_of_freedom(sizes) if squares > 0 else inf
    return DesignEffect(factor, freedom, len(sizes))


def cluster_totals(values: Floats, clusters: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """The sum of the values, and the number of items, of each cluster that has any; ValueError for fewer than two clusters."""
    counts = np.bincount(clusters)
    if (counts > 0).sum() < 2:
        raise ValueError("cannot estimate a variance: fewer than two clusters")
    totals: Floats = np.bincount(clusters, weights=values).astype(np.float64)
    return totals[counts > 0], counts[counts > 0].astype(np.float64)


def variance_ratio(totals: Floats, sizes: Floats, squares: Floats) -> Floats:
    """Design effects of many data sets; 1 where all values are equal.

    `totals` [..., clusters], `sizes` [clusters], `squares` [...]: sum of squared deviations from the mean.
    """
    n = sizes.sum()
    residuals = totals - sizes * (totals.sum(axis=-1, keepdims=True) / n)
    clustered = (residuals**2 / (1 - sizes / n)).sum(axis=-1)
    varies = (squares > 1e-12 * n) & (clustered > 1e-9 * squares)
    return np.where(varies, clustered / np.where(varies, squares, 1.0), 1.0)


def degrees_of_freedom(sizes: Floats) -> float:
    """trace(M)^2 / trace(M^2), where M is the matrix of the CR2 variance of a mean; trace(M) is n."""
    n = sizes.sum()
    cross = sizes**2 / (1 - sizes / n)
    return float(n * n / ((sizes**2).sum() + (cross.sum() ** 2 - (cross**2).sum()) / (n * n)))
