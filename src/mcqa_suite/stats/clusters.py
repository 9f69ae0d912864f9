"""Design effects: how much less precise a mean is because items come in clusters, such as subjects or templates."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DesignEffect:
    """`factor`: variance of the mean over what independent items would have; `degrees_of_freedom`: of that estimate."""

    factor: float
    degrees_of_freedom: float
    clusters: int


def design_effect(values: Floats, clusters: NDArray[np.integer]) -> DesignEffect:
    """The design effect of the mean of `values`, one cluster code (0 and up) an item.

    The variance is the cluster-robust CR2 with the degrees of freedom of Bell and McCaffrey (Survey Methodology 28,
    2002), which for clusters of one size are the between-cluster variance and clusters - 1. Where nothing varies no
    variance is estimated: the factor is 1, the degrees of freedom infinite. Raises ValueError for fewer than two clusters.
    """
    counts = np.bincount(clusters)
    totals: Floats = np.bincount(clusters, weights=values)[counts > 0].astype(np.float64)
    sizes = counts[counts > 0].astype(np.float64)
    if len(sizes) < 2:
        raise ValueError("a clustered interval of fewer than two clusters")
    squares = ((values - values.mean()) ** 2).sum()
    factor = float(variance_ratio(totals, sizes, np.asarray(squares)))
    freedom = degrees_of_freedom(sizes) if squares > 0 else inf
    return DesignEffect(factor, freedom, len(sizes))


def variance_ratio(totals: Floats, sizes: Floats, squares: Floats) -> Floats:
    """The design effect from each cluster's total (last axis), the clusters' sizes, and the sum of squares about the mean.

    1 where nothing varies. Takes many data sets at once.
    """
    n = sizes.sum()
    residuals = totals - sizes * (totals.sum(axis=-1, keepdims=True) / n)
    clustered = (residuals**2 / (1 - sizes / n)).sum(axis=-1)
    varies = (squares > 1e-12 * n) & (clustered > 1e-9 * squares)
    return np.where(varies, clustered / np.where(varies, squares, 1.0), 1.0)


def degrees_of_freedom(sizes: Floats) -> float:
    """trace(M)^2 / trace(M^2) of the CR2 form for a mean of independent items; trace(M) is n."""
    n = sizes.sum()
    cross = sizes**2 / (1 - sizes / n)
    return float(n * n / ((sizes**2).sum() + (cross.sum() ** 2 - (cross**2).sum()) / (n * n)))
