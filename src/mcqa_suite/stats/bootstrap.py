"""Paired bootstrap of a difference: items, or whole clusters, drawn with replacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.stats.clusters import Floats
from mcqa_suite.stats.intervals import Estimate


def bootstrap_difference(
    differences: Floats, rng: np.random.Generator, *, resamples: int = 10_000, level: float = 0.95
) -> Estimate:
    """Percentile interval of the mean difference, items resampled.

    To resample n items of which only a few distinct values exist is one multinomial draw of how often each value comes:
    exact, and thousands of times quicker than to draw items.
    """
    values, counts = np.unique(differences, return_counts=True)
    n = len(differences)
    if len(values) <= 64:
        means = rng.multinomial(n, counts / n, size=resamples) @ values / n
    else:
        means = np.array([differences[rng.integers(n, size=n)].mean() for _ in range(resamples)])
    return _percentiles(means, float(differences.mean()), n, level)


def cluster_bootstrap_difference(
    differences: Floats,
    clusters: NDArray[np.integer],
    rng: np.random.Generator,
    *,
    resamples: int = 10_000,
    level: float = 0.95,
) -> Estimate:
    """Percentile interval of the mean difference, whole clusters resampled (ratio of totals, as clusters differ in size)."""
    sizes = np.bincount(clusters).astype(float)
    totals = np.bincount(clusters, weights=differences)[sizes > 0]
    sizes = sizes[sizes > 0]
    if len(sizes) < 2:
        raise ValueError("a cluster bootstrap of fewer than two clusters")
    means: list[Floats] = []
    block = max(1, 4_000_000 // len(sizes))  # draws at a time: 32 MB
    for start in range(0, resamples, block):
        drawn = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=min(block, resamples - start))
        means.append((drawn @ totals) / (drawn @ sizes))
    return _percentiles(np.concatenate(means), float(differences.mean()), len(differences), level)


def _percentiles(means: Floats, value: float, n: int, level: float) -> Estimate:
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n)
