"""Intervals for the difference between two shares over the same items.

The suite uses Tango's score interval, at the effective sample size if items are clustered. Of the intervals that
benchmarks/accuracy/coverage.py measures, only this one covers 94 to 96 % for n >= 1000 and at least 94 % for n = 50 and 200.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcqa_suite.stats.intervals import (
    DesignEffect,
    Estimate,
    Floats,
    cluster_totals,
    critical_value,
    design_effect,
)


@dataclass(frozen=True)
class PairedTable:
    """Counts of items that both, one or neither of two models answered correctly."""

    both: int
    only_second: int
    only_first: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.only_second + self.only_first + self.neither

    @property
    def discordance(self) -> float:
        """Share of items that only one model answered correctly."""
        return (self.only_second + self.only_first) / self.n

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> PairedTable:
        """Count two boolean arrays, True where the model was right."""
        both, either = int((first & second).sum()), int((first | second).sum())
        return cls(both, int(second.sum()) - both, int(first.sum()) - both, len(first) - either)


def paired_difference(table: PairedTable, level: float = 0.95, effect: DesignEffect | None = None) -> Estimate:
    """Second share minus first, with Tango's score interval (Statistics in Medicine 17, 1998, 891-908).

    With the design `effect` of clusters, counts are divided by its factor and Student's t replaces the normal. If no item
    differs, the difference is 0 and the interval about +-z^2 / (n + z^2). Raises ValueError for no items.
    """
    if table.n < 1:
        raise ValueError("cannot compute a difference: no items")
    effect = effect or DesignEffect(1.0, inf, table.n)
    second, first, n = (count / effect.factor for count in (table.only_second, table.only_first, table.n))
    low, high = tango_bounds(second, first, n, critical_value(effect.degrees_of_freedom, level))
    return Estimate((table.only_second - table.only_first) / table.n, float(low), float(high), table.n)


def clustered_difference(
    first: NDArray[np.bool_], second: NDArray[np.bool_], clusters: NDArray[np.integer]
) -> Estimate:
    """The paired difference of clustered items. Raises ValueError for fewer than two clusters."""
    effect = design_effect(second.astype(float) - first.astype(float), clusters)
    return paired_difference(PairedTable.of(first, second), effect=effect)


def tango_bounds(
    only_second: ArrayLike, only_first: ArrayLike, n: ArrayLike, critical: ArrayLike
) -> tuple[Floats, Floats]:
    """Both ends of Tango's interval. Arguments broadcast; counts may be fractions."""
    second, first, total, z = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (only_second, only_first, n, critical))
    )
    # The lower end is minus the upper end of the exchanged table: exchanging the models negates the interval exactly.
    ends = _upper(np.stack([second, first]), np.stack([first, second]), np.stack([total] * 2), np.stack([z] * 2))
    return -ends[1], ends[0]


def score_statistic(only_second: ArrayLike, only_first: ArrayLike, n: ArrayLike, difference: ArrayLike) -> Floats:
    """Tango's score statistic for an assumed true difference; at 0 it is McNemar's statistic."""
    b, c, total, d = (np.asarray(x, float) for x in (only_second, only_first, n, difference))
    linear = (2 * total - b + c) * d - b - c
    restricted = (np.sqrt(np.maximum(0.0, linear**2 + 8 * total * c * d * (1 - d))) - linear) / (4 * total)
    variance = np.maximum(0.0, total * (2 * restricted + d * (1 - d)))
    distance = b - c - total * d
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0, 0.0, distance / np.sqrt(variance))


def _upper(b: Floats, c: Floats, n: Floats, critical: Floats) -> Floats:
    """The largest difference that the score test accepts, by bisection between the estimate and 1."""
    low, high = (b - c) / n, np.ones_like(n)
    for _ in range(48):
        middle = (low + high) / 2
        inside = score_statistic(b, c, n, middle) >= -critical
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.asarray(low)


def bootstrap_difference(
    differences: Floats,
    rng: np.random.Generator,
    clusters: NDArray[np.integer] | None = None,
    resamples: int = 10_000,
) -> Estimate:
    """95 % percentile interval of the mean difference; items, or whole `clusters`, are resampled.

    A resample is one multinomial draw: of the counts of the distinct values, or of clusters, where the mean is a ratio of
    totals, since sizes differ. Raises ValueError for fewer than two clusters.
    """
    n = len(differences)
    if clusters is None:
        totals, counts = np.unique(differences, return_counts=True)
        sizes, draws, shares = np.ones(len(totals)), n, counts / n
    else:
        totals, sizes = cluster_totals(differences, clusters)
        draws, shares = len(sizes), np.full(len(sizes), 1 / len(sizes))
    means: list[Floats] = []
    block = max(1, 4_000_000 // len(sizes))  # resamples at a time, 32 MB
    for start in range(0, resamples, block):
        drawn = rng.multinomial(draws, shares, size=min(block, resamples - start))
        means.append((drawn @ totals) / (drawn @ sizes))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return Estimate(float(differences.mean()), float(low), float(high), n)
