"""Scores of the rows of one or several tasks: their mean, and the difference of two models' means over the same rows.

Rotations, views and instances of one question are a cluster. A mean over tasks gives every row its task's weight, divided by the
task's number of rows. One design effect holds for all of this: the variance of the mean, divided by that of right and wrong
answers to independent questions. Intervals are score intervals at the effective sample size, so that none has no width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mcqa_suite.stats.intervals import (
    DesignEffect,
    Estimate,
    Floats,
    critical_value,
    wilson_bounds,
)
from mcqa_suite.stats.paired import stratified_bounds, stratified_statistic
from mcqa_suite.stats.significance import Power, check_margin, mcnemar_exact, tail

Integers = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Rows:
    """`task`: the number of each row's task, from 0; `weights`: one for each task, which add up to 1.

    `clusters`: the number of each row's cluster, from 0; None for independent rows. A cluster may have rows in several tasks.
    """

    task: Integers
    weights: Floats
    clusters: Integers | None = None

    @classmethod
    def pooled(cls, n: int, clusters: NDArray[Any] | None = None) -> Rows:
        """`n` rows of the same weight; `clusters`: a value for each row, equal ones for the rows of a cluster."""
        return cls.of_tasks([n], [1.0], clusters)

    @classmethod
    def of_tasks(cls, sizes: Sequence[int], weights: Sequence[float], clusters: NDArray[Any] | None = None) -> Rows:
        """The rows of several tasks, one task after the other; the weights are scaled to add up to 1.

        Raises ValueError for no tasks, and for a task with no items.
        """
        if not sizes or min(sizes) < 1:
            raise ValueError(f"cannot compute a mean: {'no items' if sizes else 'no tasks'}")
        task = np.repeat(np.arange(len(sizes)), sizes)
        return cls(task, np.asarray(weights, float) / sum(weights), _numbered(clusters, task))

    @cached_property
    def sizes(self) -> Floats:
        return np.bincount(self.task, minlength=len(self.weights)).astype(float)

    @cached_property
    def each(self) -> Floats:
        """The weight of each row."""
        return np.asarray((self.weights / self.sizes)[self.task])

    @property
    def effective_size(self) -> float:
        """Kish's effective sample size: 1 / the sum of the rows' squared weights."""
        return float(1 / (self.weights**2 / self.sizes).sum())

    def totals(self, values: Floats) -> Floats:
        """The sum of each task."""
        return np.bincount(self.task, weights=values, minlength=len(self.weights)).astype(float)

    def by_task(self, values: Floats) -> Floats:
        """The mean of each task."""
        return self.totals(values) / self.sizes

    def mean(self, values: Floats) -> float:
        return float(self.weights @ self.by_task(values))

    @cached_property
    def codes(self) -> Integers:
        """The number of each row's cluster, which is its own where rows are independent."""
        return np.arange(len(self.task)) if self.clusters is None else self.clusters

    @cached_property
    def shares(self) -> Floats:
        """The sum of each cluster's squared weights: what it adds to the variance of a mean of independent rows."""
        return np.asarray(np.bincount(self.codes, weights=self.each**2))

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the variance of a mean: trace(M)^2 / trace(M^2), where M is the matrix of the CR2 variance (Bell
        and McCaffrey, Survey Methodology 28, 2002)."""
        parts = self._parts
        per_part = parts.counts * parts.weights / np.sqrt(self.sizes[parts.task])
        diagonal = np.bincount(parts.cluster, weights=per_part**2 * (self.sizes[parts.task] / parts.counts - 1))
        by_cluster = sparse.csr_array((per_part, (parts.cluster, parts.task)))
        products = (by_cluster.T @ by_cluster).power(2).sum()  # over pairs of tasks, as large as over pairs of clusters
        off_diagonal = products - (np.bincount(parts.cluster, weights=per_part**2) ** 2).sum()
        squares = float((diagonal**2).sum() + off_diagonal)
        return max(1.0, float(diagonal.sum()) ** 2 / squares) if squares > 0 else 1.0

    @property
    def most(self) -> float:
        """The design effect if the rows of each cluster were equal."""
        return float((np.bincount(self.codes, weights=self.each) ** 2).sum() / self.shares.sum())

    def variance(self, values: Floats) -> float:
        """Variance of the mean of `values`: the cluster-robust CR2 estimate of a regression on the tasks' indicators."""
        residuals = self._parts.weights[self._parts.of_row] * (values - self.by_task(values)[self.task])
        return float((np.bincount(self.codes, weights=residuals) ** 2).sum())

    @cached_property
    def _parts(self) -> _Parts:
        tasks = len(self.weights)
        pairs, of_row, counts = np.unique(self.codes * tasks + self.task, return_inverse=True, return_counts=True)
        cluster, task = np.divmod(pairs, tasks)
        left = 1 - counts / self.sizes[task]
        each = self.weights[task] / self.sizes[task]
        # a task of one cluster has no variance of its own to estimate
        weights = np.divide(each, np.sqrt(left), out=np.zeros_like(each), where=left > 1e-9)
        return _Parts(cluster, task, counts, weights, of_row)

    def effect(self, values: Floats, expected: float, events: float) -> DesignEffect:
        """The variance of the mean of `values` divided by `expected`, that of right and wrong answers to independent questions.

        `events`: how many rows the estimate rests on, see `DesignEffect.cautious`.
        """
        variance = self.variance(values)
        factor = variance / expected if expected > 0 and variance > 1e-9 * expected else self.most
        return DesignEffect(factor, self.freedom, self.most).cautious(events)


class _Parts(NamedTuple):
    """The rows that a cluster has in a task, for every cluster and task that share some: how many there are, and the weight of
    the residual of each in the CR2 variance. `of_row`: the number of each row's part."""

    cluster: Integers
    task: Integers
    counts: Integers
    weights: Floats
    of_row: Integers


def _numbered(clusters: NDArray[Any] | None, task: Integers) -> Integers | None:
    """Clusters as numbers from 0; None where no two rows share one, or all do.

    Rows of a task that has a single cluster count as independent: nothing is known of how such clusters vary.
    """
    if clusters is None:
        return None
    names, codes = np.unique(clusters, return_inverse=True)
    if not 1 < len(names) < len(codes):
        return None
    pairs = np.unique(codes * (task[-1] + 1) + task)
    single = np.bincount(pairs % (task[-1] + 1)) == 1
    alone = single[task]
    codes = np.where(alone, len(names) + np.arange(len(codes)), codes)
    return np.asarray(np.unique(codes, return_inverse=True)[1])


def share_estimate(values: NDArray[Any], clusters: NDArray[Any] | None = None, level: float = 0.95) -> Estimate:
    """The mean of scores from 0 to 1, or the share of True, with Wilson's interval; see `weighted_share`."""
    return weighted_share(values.astype(float), Rows.pooled(len(values), clusters), level)


def weighted_share(values: Floats, rows: Rows, level: float = 0.95) -> Estimate:
    """The mean of scores from 0 to 1, with Wilson's interval at the effective sample size (Korn and Graubard, Survey
    Methodology 24, 1998). For right and wrong answers to independent questions of one weight this is Wilson's interval."""
    mean = rows.mean(values)
    n, freedom = effective_size(values, rows)
    low, high = wilson_bounds(mean, n, critical_value(freedom, level))
    return Estimate(mean, float(low), float(high), len(values))


def effective_size(values: Floats, rows: Rows) -> tuple[float, float]:
    """How many right and wrong answers to independent questions say as much about the mean; and its degrees of freedom."""
    mean, means = rows.mean(values), rows.by_task(values)
    variance = float((rows.weights**2 * means * (1 - means) / rows.sizes).sum())
    n, freedom = rows.effective_size, inf
    if variance > 0:
        n = min(n, mean * (1 - mean) / variance)
    if rows.clusters is not None or not is_right_or_wrong(values):
        effect = rows.effect(values, variance, rows.effective_size * min(mean, 1 - mean))
        n, freedom = n / effect.factor, effect.degrees_of_freedom
    return n, freedom


@dataclass(frozen=True)
class Mean:
    """The mean of values without bounds, with Student's t interval.

    Equal values say nothing about others: the standard error and the interval are then infinite.
    """

    value: float
    n: int
    standard_error: float
    degrees_of_freedom: float

    def at(self, level: float) -> Estimate:
        half = critical_value(self.degrees_of_freedom, level) * self.standard_error
        return Estimate(self.value, self.value - half, self.value + half, self.n)

    @property
    def estimate(self) -> Estimate:
        return self.at(0.95)


def weighted_mean(values: Floats, rows: Rows) -> Mean:
    variance = rows.variance(values)
    return Mean(rows.mean(values), len(values), sqrt(variance) if variance > 0 else inf, rows.freedom)


def is_right_or_wrong(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


@dataclass(frozen=True, eq=False)
class PairedMeans:
    """The difference of two models' weighted means of scores from 0 to 1 over the same rows.

    `gains` and `losses` of each task add up by how much the second model is better or worse. Without `effect`, rows are right or
    wrong answers to independent questions.
    """

    gains: Floats
    losses: Floats
    rows: Rows
    effect: DesignEffect | None = None

    @classmethod
    def of(cls, first: Floats, second: Floats, rows: Rows) -> PairedMeans:
        difference = second - first
        gains, losses = (rows.totals(np.maximum(part, 0)) for part in (difference, -difference))
        paired = cls(gains, losses, rows)
        if rows.clusters is None and is_right_or_wrong(first) and is_right_or_wrong(second):
            return paired
        events = float(gains.sum() + losses.sum())
        return cls(gains, losses, rows, rows.effect(difference, paired.variance, events))

    @property
    def value(self) -> float:
        return float(self.rows.weights @ ((self.gains - self.losses) / self.rows.sizes))

    @property
    def variance(self) -> float:
        """The variance of the difference if rows were right or wrong answers to independent questions."""
        n = self.rows.sizes
        spread = (self.gains + self.losses) / n - ((self.gains - self.losses) / n) ** 2
        return float((self.rows.weights**2 * spread / n).sum())

    @property
    def changed(self) -> float:
        """How many changed rows there are, clusters allowed for."""
        return float(self.gains.sum() + self.losses.sum()) / self.factor

    @property
    def factor(self) -> float:
        return self.effect.factor if self.effect else 1.0

    @property
    def freedom(self) -> float:
        return self.effect.degrees_of_freedom if self.effect else inf

    def statistic(self, difference: float) -> float:
        """Tango's score statistic for an assumed true difference, divided by the root of the design effect."""
        table = (self.gains, self.losses, self.rows.sizes, self.rows.weights)
        return float(stratified_statistic(*table, difference)) / sqrt(self.factor)

    def difference(self, level: float = 0.95) -> Estimate:
        """The difference with Tango's score interval; over several tasks the variances of the restricted estimates are added."""
        return self.differences(level)[0]

    def differences(self, *levels: float) -> list[Estimate]:
        """`difference` at several levels, in the time of one."""
        critical = [critical_value(self.freedom, level) * sqrt(self.factor) for level in levels]
        gains, losses = (np.tile(counts, (len(levels), 1)) for counts in (self.gains, self.losses))
        bounds = stratified_bounds(gains, losses, self.rows.sizes, self.rows.weights, critical)
        n = int(self.rows.sizes.sum())
        return [Estimate(self.value, float(low), float(high), n) for low, high in zip(*bounds, strict=True)]

    def p_value(self) -> float:
        """Two-sided p of no difference: McNemar's exact test, for several weights its normal form with continuity correction
        (Edwards, Psychometrika 13, 1948); with a design effect the score test, against Student's t."""
        if self.value == 0:
            return 1.0
        if self.effect:
            return 2 * tail(abs(self.statistic(0.0)), self.freedom)
        if len(self.gains) == 1:
            return mcnemar_exact(int(self.gains[0]), int(self.losses[0]))
        each, changed = self.rows.weights / self.rows.sizes, self.gains + self.losses
        square = float((each**2 * changed).sum())
        correction = square / float((each * changed).sum())
        return 2 * tail(max(0.0, abs(self.value) - correction) / sqrt(square), inf)

    def p_equivalent(self, margin: float) -> float:
        """p of two one-sided score tests that the true difference is within +-`margin`."""
        check_margin(margin)
        above, below = self.statistic(-margin), self.statistic(margin)
        return max(tail(above, self.freedom), tail(-below, self.freedom))

    def power(self) -> Power:
        """What the test can detect at the share of changed rows seen here."""
        rows = self.rows
        changed = float((rows.weights**2 * (self.gains + self.losses) / rows.sizes**2).sum())
        return Power(sqrt(self.factor * changed), self.freedom, 1 / rows.effective_size)
