"""Intervals for a paired difference, for many simulated data sets at once: ours and others from the literature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mcqa_suite.stats import Rows, tango_bounds
from mcqa_suite.stats.intervals import FEWEST_EVENTS, wilson_bounds
from mcqa_suite.stats.paired import score_statistic

Z = 1.959964
Bounds = tuple[np.ndarray, np.ndarray]


def inside(bounds: Bounds, difference: float) -> np.ndarray:
    return (bounds[0] <= difference + 1e-12) & (difference <= bounds[1] + 1e-12)


def tango(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Bounds:
    """Of tables in which both models, only the second, only the first and neither are right."""
    return tango_bounds(b, c, a + b + c + d, Z)


def wald(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Bounds:
    n = a + b + c + d
    difference, half = (b - c) / n, Z * np.sqrt(np.maximum(0, b + c - (b - c) ** 2 / n)) / n
    return difference - half, difference + half


def agresti_min(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Bounds:
    """Wald's interval with half a pair added to every cell (Statistics in Medicine 24, 2005, 729-740)."""
    return wald(a + 0.5, b + 0.5, c + 0.5, d + 0.5)


def newcombe(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Bounds:
    """Newcombe's method 10 (Statistics in Medicine 17, 1998, 2635-2650): Wilson intervals joined by square-and-add, with
    their correlation (continuity-corrected where it is positive)."""
    n = a + b + c + d
    second, first = (a + b) / n, (a + c) / n
    margins, product = (a + b) * (c + d) * (a + c) * (b + d), a * d - b * c
    corrected = np.where(product > 0, np.maximum(product - n / 2, 0), product)
    phi = np.where(margins > 0, corrected / np.sqrt(np.where(margins > 0, margins, 1)), 0.0)
    (low2, high2), (low1, high1) = wilson_bounds(second, n, Z), wilson_bounds(first, n, Z)
    below, above = joined(second - low2, high1 - first, phi), joined(high2 - second, first - low1, phi)
    return second - first - below, second - first + above


def joined(x: np.ndarray, y: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Half-width of a difference, from the half-widths of its two estimates."""
    return np.sqrt(np.maximum(0.0, x * x - 2 * correlation * x * y + y * y))


METHODS: dict[str, Callable[..., Bounds]] = {
    "Tango": tango,
    "Newcombe 10": newcombe,
    "Agresti-Min": agresti_min,
    "Wald": wald,
}


def bootstrap(table: np.ndarray, rng: np.random.Generator) -> Bounds:
    """The percentile interval of one table, 999 resamples."""
    n = table.sum()
    drawn = rng.multinomial(n, np.array([table[1], table[2], table[0] + table[3]]) / n, size=999)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [0.025, 0.975])
    return low, high


def cautious_factors(totals: np.ndarray, sizes: np.ndarray, gains: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The design effects of `stats.PairedMeans` for many data sets at once; `totals`: gains minus losses of each cluster."""
    n = sizes.sum()
    squares = gains + losses - (gains - losses) ** 2 / n
    residuals = totals - sizes * (totals.sum(axis=-1, keepdims=True) / n)
    clustered = (residuals**2 / (1 - sizes / n)).sum(axis=-1)
    most = (sizes**2).sum() / n
    estimable = clustered > 1e-9 * squares
    factor = np.where(estimable, clustered / np.where(estimable, squares, 1.0), most)
    missing = np.maximum(0.0, 1 - (gains + losses) / factor / FEWEST_EVENTS)
    return np.maximum(factor, factor + (most - factor) * missing)


@dataclass
class Clustered:
    """Many simulated data sets: counts, design effects, degrees of freedom."""

    gains: np.ndarray
    losses: np.ndarray
    n: float
    factor: np.ndarray
    freedom: float

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, trials: int, sizes: np.ndarray, gain: float, loss: float, correlation: float
    ) -> Clustered:
        gains, losses = clustered_counts(rng, trials, sizes, gain, loss, correlation)
        b, c = gains.sum(axis=1).astype(float), losses.sum(axis=1).astype(float)
        factor = cautious_factors((gains - losses).astype(float), sizes, b, c)
        rows = Rows.pooled(int(sizes.sum()), np.repeat(np.arange(len(sizes)), sizes.astype(int)))
        return cls(b, c, float(sizes.sum()), factor, rows.freedom)

    def bounds(self, critical: float) -> Bounds:
        return tango_bounds(self.gains / self.factor, self.losses / self.factor, self.n / self.factor, critical)

    def statistic(self, difference: float) -> np.ndarray:
        return score_statistic(self.gains, self.losses, self.n, difference) / np.sqrt(self.factor)


def clustered_counts(
    rng: np.random.Generator, trials: int, sizes: np.ndarray, gain: float, loss: float, correlation: float
) -> Bounds:
    """Gains and losses of each cluster; each cluster's shares are drawn from a Dirichlet distribution."""
    shape, whole = (trials, len(sizes)), sizes.astype(int)
    if correlation == 0:
        gains = rng.binomial(whole, gain, size=shape)
        return gains, rng.binomial(whole - gains, loss / (1 - gain))
    weight = 1 / correlation - 1
    draws = [rng.standard_gamma(max(share * weight, 1e-12), size=shape) for share in (gain, loss, 1 - gain - loss)]
    total = np.maximum(draws[0] + draws[1] + draws[2], 1e-300)
    gains = rng.binomial(whole, draws[0] / total)
    rest = np.maximum(draws[1] + draws[2], 1e-300)
    return gains, rng.binomial(whole - gains, np.minimum(1.0, draws[1] / rest))
