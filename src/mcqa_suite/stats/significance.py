"""Tests of a paired difference and of its equivalence to nothing; corrections of p-values for their number."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isinf, sqrt

import numpy as np
from scipy import special

from mcqa_suite.stats.clusters import DesignEffect, Floats
from mcqa_suite.stats.intervals import Estimate
from mcqa_suite.stats.paired import score_statistic


def mcnemar_exact(only_second: int, only_first: int) -> float:
    """Two-sided exact p of McNemar's test: a binomial test of the discordant pairs; 1 where there are none."""
    smaller, pairs = min(only_second, only_first), only_second + only_first
    return float(min(1.0, 2 * special.bdtr(smaller, pairs, 0.5)))


def mcnemar_midp(only_second: int, only_first: int) -> float:
    """Two-sided mid-p: half of the observed table's probability off each tail (Fagerland, Lydersen and Laake, BMC Medical
    Research Methodology 13:91, 2013). More powerful than the exact test, and nearly always within its level."""
    smaller, pairs = min(only_second, only_first), only_second + only_first
    below = special.bdtr(smaller - 1, pairs, 0.5) if smaller else 0.0
    return float(min(1.0, special.bdtr(smaller, pairs, 0.5) + below))


def score_test(only_second: int, only_first: int, n: int, effect: DesignEffect) -> float:
    """Two-sided p of McNemar's test where items come in clusters: the score statistic over the root of the design effect,
    against Student's t."""
    if only_second == only_first:
        return 1.0
    statistic = abs(float(score_statistic(only_second, only_first, n, 0.0))) / sqrt(effect.factor)
    return float(2 * _tail(statistic, effect.degrees_of_freedom))


def unpaired_test(first: Estimate, second: Estimate) -> float:
    """Two-sided p of the pooled z-test that two shares of different items are equal."""
    total = first.n + second.n
    pooled = (first.n * first.value + second.n * second.value) / total
    error = sqrt(pooled * (1 - pooled) * total / (first.n * second.n))
    return t_test(second.value - first.value, error)


def t_test(value: float, standard_error: float, degrees_of_freedom: float = inf) -> float:
    """Two-sided p of a mean difference that has a standard error; 1 where nothing differs."""
    if value == 0:
        return 1.0
    if standard_error == 0:
        return 0.0
    return float(2 * _tail(abs(value) / standard_error, degrees_of_freedom))


def tost(only_second: int, only_first: int, n: int, margin: float, effect: DesignEffect | None = None) -> float:
    """p of equivalence (two one-sided score tests): small where the true difference is within +-`margin`.

    Below .05 exactly where the 90 % interval lies within the margin.
    """
    _check_margin(margin)
    shrink = sqrt(effect.factor) if effect else 1.0
    freedom = effect.degrees_of_freedom if effect else inf
    above = float(score_statistic(only_second, only_first, n, -margin)) / shrink
    below = float(score_statistic(only_second, only_first, n, margin)) / shrink
    return float(max(_tail(above, freedom), _tail(-below, freedom)))


def tost_mean(value: float, standard_error: float, margin: float, degrees_of_freedom: float = inf) -> float:
    """p of equivalence of a mean difference that has a standard error."""
    _check_margin(margin)
    if standard_error == 0:
        return 0.0 if abs(value) < margin else 1.0
    above, below = (value + margin) / standard_error, (value - margin) / standard_error
    return float(max(_tail(above, degrees_of_freedom), _tail(-below, degrees_of_freedom)))


def _check_margin(margin: float) -> None:
    if not 0 < margin < 1:
        raise ValueError(f"a margin of {margin}: expected a fraction between 0 and 1")


def _tail(statistic: float, degrees_of_freedom: float) -> float:
    """The probability of more than `statistic` under Student's t, or the normal where degrees of freedom are infinite."""
    if isinf(degrees_of_freedom):
        return float(special.ndtr(-statistic))
    return float(special.stdtr(degrees_of_freedom, -statistic))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values: the chance of any false alarm stays at the level, whatever the dependence."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _ordered(steps, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's step-up adjusted p-values: the expected share of false alarms stays at the level."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _ordered(np.minimum.accumulate(steps[::-1])[::-1], order)


def _ordered(steps: Floats, order: np.ndarray) -> list[float]:
    adjusted = np.empty(len(steps))
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]
