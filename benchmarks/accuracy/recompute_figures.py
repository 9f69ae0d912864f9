"""The figures of one run, or of two, from their rows alone: numpy, scipy and statsmodels, nothing of mcqa_suite.

Scores of several tasks are a regression on the tasks' indicators: the mean is a linear combination of its coefficients, and its
variance the CR2 estimate with the degrees of freedom of Bell and McCaffrey (Survey Methodology 28, 2002), both by the definition,
with matrices. Tango's interval is found as a root of the score statistic at the most likely shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax
from scipy.stats import binomtest, norm, t
from statsmodels.stats.proportion import proportion_confint

FEWEST_EVENTS = 10  # docs: with fewer, a design effect is moved towards that of equal rows


@dataclass
class Design:
    """Rows of some tasks: the task of each row, the tasks' weights, and the cluster of each row (its own number for none)."""

    task: np.ndarray
    weights: np.ndarray
    cluster: np.ndarray

    def __post_init__(self) -> None:
        self.indicators = (self.task[:, None] == np.arange(len(self.weights))).astype(float)
        self.sizes = self.indicators.sum(axis=0)
        self.each = self.indicators @ (self.weights / self.sizes)
        self.members = [np.flatnonzero(self.cluster == name) for name in np.unique(self.cluster)]
        self.clustered = 1 < len(self.members) < len(self.task)
        self.n = 1 / float((self.weights**2 / self.sizes).sum())

    def by_task(self, values: np.ndarray) -> np.ndarray:
        return np.linalg.lstsq(self.indicators, values, rcond=None)[0]

    def mean(self, values: np.ndarray) -> float:
        return float(self.weights @ self.by_task(values))

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        """What the residuals of a cluster are multiplied with: (I - H)^(-1/2) of its rows, times the rows' weights."""
        block = self.indicators[rows]
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - block / self.sizes @ block.T)
        roots = np.where(values > 1e-9, 1 / np.sqrt(np.maximum(values, 1e-9)), 0.0)
        return np.asarray(vectors * roots @ vectors.T @ self.each[rows])

    def variance(self, values: np.ndarray) -> float:
        residuals = values - self.indicators @ self.by_task(values)
        return float(sum((self.scaled(rows) @ residuals[rows]) ** 2 for rows in self.members))

    def freedom(self) -> float:
        """(trace of M)^2 / trace of M^2, where M has the products of the clusters' residual vectors."""
        vectors = np.zeros((len(self.members), len(self.task)))
        for number, rows in enumerate(self.members):
            vectors[number, rows] = self.scaled(rows)
        vectors -= (vectors @ self.indicators / self.sizes) @ self.indicators.T
        products = vectors @ vectors.T
        return max(1.0, float(np.trace(products) ** 2 / (products**2).sum()))

    def effect(self, values: np.ndarray, expected: float, events: float) -> float:
        """The variance over that of independent right and wrong answers, more cautious where it rests on few events."""
        own, equal = self.variance(values), sum(self.each[rows].sum() ** 2 for rows in self.members)
        most = equal / float((self.each**2).sum())
        factor = own / expected if expected > 0 and own > 1e-9 * expected else most
        return max(factor, factor + (most - factor) * max(0.0, 1 - events / factor / FEWEST_EVENTS))


def is_binary(values: np.ndarray) -> bool:
    return bool(np.isin(values, (0, 1)).all())


def share(values: np.ndarray, design: Design) -> tuple[float, float, float]:
    """The mean with Wilson's interval at the effective sample size."""
    mean, means = design.mean(values), design.by_task(values)
    expected = float((design.weights**2 * means * (1 - means) / design.sizes).sum())
    n, alpha = design.n, 0.05
    if expected > 1e-15:
        n = min(n, mean * (1 - mean) / expected)
    if design.clustered or not is_binary(values):
        n /= design.effect(values, expected, design.n * min(mean, 1 - mean))
        alpha = float(2 * norm.sf(t.ppf(0.975, design.freedom())))
    low, high = proportion_confint(mean * n, n, alpha, method="wilson")
    return mean, float(low), float(high)


@dataclass
class Paired:
    """Gains and losses of the second model, each a sum over the rows of a task."""

    gains: np.ndarray
    losses: np.ndarray
    design: Design
    factor: float
    freedom: float

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, design: Design) -> Paired:
        change = second - first
        gains, losses = (design.indicators.T @ np.maximum(part, 0) for part in (change, -change))
        paired = cls(gains, losses, design, 1.0, np.inf)
        if not design.clustered and is_binary(first) and is_binary(second):
            return paired
        n = design.sizes
        spread = (gains + losses) / n - ((gains - losses) / n) ** 2
        expected = float((design.weights**2 * spread / n).sum())
        factor = design.effect(change, expected, float(gains.sum() + losses.sum()))
        return cls(gains, losses, design, factor, design.freedom())

    @property
    def value(self) -> float:
        return float(self.design.weights @ ((self.gains - self.losses) / self.design.sizes))

    def statistic(self, difference: float) -> float:
        """Tango's score statistic for an assumed true difference."""
        tables = zip(self.gains, self.losses, self.design.sizes, strict=True)
        variances = [restricted_variance(*table, difference) for table in tables]
        total = float(self.design.weights**2 @ np.array(variances)) * self.factor
        return (self.value - difference) / sqrt(max(total, 1e-300))

    def interval(self, level: float) -> tuple[float, float]:
        critical = float(t.ppf(0.5 + level / 2, self.freedom))
        ends = []
        for sign in (1, -1):
            edge = -sign * (1 - 1e-12)
            outermost = abs(self.value - edge) < 1e-9

            def excess(end: float, sign: int = sign) -> float:
                return self.statistic(end) - sign * critical

            ends.append(edge if outermost else float(brentq(excess, *sorted((self.value, edge)), xtol=1e-13)))
        return ends[0], ends[1]

    def p_value(self) -> float:
        if abs(self.value) < 1e-15:
            return 1.0
        if np.isfinite(self.freedom):
            return float(2 * t.sf(abs(self.statistic(0.0)), self.freedom))
        if len(self.gains) == 1:
            return mcnemar(self.gains[0], self.losses[0])
        each, changed = self.design.weights / self.design.sizes, self.gains + self.losses
        correction = (each**2 @ changed) / (each @ changed)
        return float(2 * norm.sf(max(0.0, abs(self.value) - correction) / sqrt(each**2 @ changed)))


def restricted_variance(gains: float, losses: float, n: float, difference: float) -> float:
    """The variance of a task's difference at the most likely shares of gains and losses with this true difference."""
    least, most = max(0.0, -difference), (1 - difference) / 2
    same = n - gains - losses

    def slope(loss: float) -> float:
        """Of the likelihood's logarithm, by the share of losses."""
        return gains / (loss + difference) + losses / loss - 2 * same / (1 - 2 * loss - difference)

    inner = (least + 1e-15, most - 1e-15) if most - least > 1e-12 else None
    if inner is None or slope(inner[0]) <= 0:
        loss = least
    elif slope(inner[1]) >= 0:
        loss = most
    else:
        loss = float(brentq(slope, *inner, xtol=1e-16, rtol=1e-15))
    return max(0.0, 2 * loss + difference - difference**2) / n


def mcnemar(gains: float, losses: float) -> float:
    changed = int(gains + losses)
    return float(binomtest(int(gains), changed, 0.5).pvalue) if changed else 1.0


def divergence(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> float:
    """Mean Kullback-Leibler divergence of the distributions over the options."""
    pairs = zip(first, second, strict=True)
    logs = ((log_softmax(a), log_softmax(b)) for a, b in pairs)
    return float(np.mean([(np.exp(first) * (first - second)).sum() for first, second in logs]))
