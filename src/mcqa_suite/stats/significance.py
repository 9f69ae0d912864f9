"""Tests of a difference and of equivalence; corrections for multiple tests; the smallest detectable difference."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from scipy import special

from mcqa_suite.stats.intervals import DesignEffect, Estimate, Floats
from mcqa_suite.stats.paired import score_statistic


def mcnemar_exact(only_second: int, only_first: int) -> float:
    """Two-sided p of McNemar's exact test, a binomial test of the discordant pairs; 1 if there are none."""
    smaller, pairs = min(only_second, only_first), only_second + only_first
    return float(min(1.0, 2 * special.bdtr(smaller, pairs, 0.5)))


def mcnemar_midp(only_second: int, only_first: int) -> float:
    """Two-sided mid-p of McNemar's test (Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91, 2013).

    It has more power than the exact test and rarely exceeds its level.
    """
    smaller, pairs = min(only_second, only_first), only_second + only_first
    below = special.bdtr(smaller - 1, pairs, 0.5) if smaller else 0.0
    return float(min(1.0, special.bdtr(smaller, pairs, 0.5) + below))


def score_test(only_second: int, only_first: int, n: int, effect: DesignEffect) -> float:
    """Two-sided p of McNemar's test for clustered items: score statistic / sqrt(design effect), against Student's t."""
    if only_second == only_first:
        return 1.0
    statistic = abs(float(score_statistic(only_second, only_first, n, 0.0))) / sqrt(effect.factor)
    return float(2 * _tail(statistic, effect.degrees_of_freedom))


def unpaired_test(first: Estimate, second: Estimate) -> float:
    """Two-sided p of the pooled z-test that two shares of independent samples are equal."""
    total = first.n + second.n
    pooled = (first.n * first.value + second.n * second.value) / total
    error = sqrt(pooled * (1 - pooled) * total / (first.n * second.n))
    return t_test(second.value - first.value, error)


def t_test(value: float, standard_error: float, degrees_of_freedom: float = inf) -> float:
    """Two-sided p of a mean difference with its standard error; 1 for a difference of 0."""
    if value == 0:
        return 1.0
    if standard_error == 0:
        return 0.0
    return float(2 * _tail(abs(value) / standard_error, degrees_of_freedom))


def tost(only_second: int, only_first: int, n: int, margin: float, effect: DesignEffect | None = None) -> float:
    """p of two one-sided score tests that the true difference is within +-`margin`.

    It is below .05 exactly if the 90 % interval lies within the margin.
    """
    _check_margin(margin)
    shrink = sqrt(effect.factor) if effect else 1.0
    freedom = effect.degrees_of_freedom if effect else inf
    above = float(score_statistic(only_second, only_first, n, -margin)) / shrink
    below = float(score_statistic(only_second, only_first, n, margin)) / shrink
    return float(max(_tail(above, freedom), _tail(-below, freedom)))


def tost_mean(value: float, standard_error: float, margin: float, degrees_of_freedom: float = inf) -> float:
    """p of two one-sided tests that the mean of a difference is within +-`margin`."""
    _check_margin(margin)
    if standard_error == 0:
        return 0.0 if abs(value) < margin else 1.0
    above, below = (value + margin) / standard_error, (value - margin) / standard_error
    return float(max(_tail(above, degrees_of_freedom), _tail(-below, degrees_of_freedom)))


def _check_margin(margin: float) -> None:
    if not 0 < margin < 1:
        raise ValueError(f"margin of {margin}: expected a fraction between 0 and 1")


def _tail(statistic: float, degrees_of_freedom: float) -> float:
    """P(T > statistic) for Student's t, or for the normal distribution if the degrees of freedom are infinite."""
    return float(special.stdtr(degrees_of_freedom, -statistic))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values: they bound the chance of any false positive, also for dependent tests."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _ordered(steps, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's step-up adjusted p-values: they bound the expected share of false positives."""
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = p[order] * len(p) / np.arange(1, len(p) + 1)
    return _ordered(np.minimum.accumulate(steps[::-1])[::-1], order)


def _ordered(steps: Floats, order: np.ndarray) -> list[float]:
    adjusted = np.empty(len(steps))
    adjusted[order] = np.minimum(steps, 1.0)
    return list(map(float, adjusted))


# With fewer discordant pairs the exact test cannot reach .05; with six in one direction p = 2 / 2^6 = .031.
FEWEST_DISCORDANT = 6


def minimum_detectable_difference(discordance: float, n: int, factor: float = 1.0) -> float:
    """The smallest paired difference that a test at .05 detects with power .8, given the share of discordant pairs.

    That of the standard error sqrt(discordance * factor / n), where `factor` is the design effect; at least 6 / n.
    """
    if n < 1:
        raise ValueError("cannot compute a detectable difference: no items")
    return min(1.0, max(detectable_difference(sqrt(discordance * factor / n)), FEWEST_DISCORDANT / n))


def detectable_difference(standard_error: float) -> float:
    """The difference that a z-test at .05 detects with power .8: (z_.975 + z_.8) standard errors."""
    return float(special.ndtri(0.975) + special.ndtri(0.8)) * standard_error
