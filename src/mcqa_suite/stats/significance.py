"""Tests of a difference and of equivalence; corrections for multiple tests; the smallest detectable difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf, log2, sqrt

import numpy as np
from scipy import special

from mcqa_suite.stats.intervals import Estimate, Floats, critical_value


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


def mean_below(values: Floats, mean: float) -> float:
    """p of values as low as these if they are independent, from 0 to 1, and their true mean is `mean` or more.

    Binomial for values of 0 and 1, which is exact; else Hoeffding's bound, which is never below the true p (Journal of the
    American Statistical Association 58, 1963, 13-30, theorem 1). 1 for no values.
    """
    n, total = len(values), float(values.sum())
    if np.isin(values, (0.0, 1.0)).all():
        return float(special.bdtr(total, n, mean)) if n else 1.0
    share = total / n
    divergence = special.rel_entr(share, mean) + special.rel_entr(1 - share, 1 - mean)
    return float(np.exp(-n * divergence)) if share < mean else 1.0


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
    return float(2 * tail(abs(value) / standard_error, degrees_of_freedom))


def tost_mean(value: float, standard_error: float, margin: float, degrees_of_freedom: float = inf) -> float:
    """p of two one-sided tests that the mean of a difference is within +-`margin`."""
    check_margin(margin)
    if standard_error == 0:
        return 0.0 if abs(value) < margin else 1.0
    above, below = (value + margin) / standard_error, (value - margin) / standard_error
    return float(max(tail(above, degrees_of_freedom), tail(-below, degrees_of_freedom)))


def check_margin(margin: float) -> None:
    """Raise ValueError for a margin that is no fraction."""
    if not 0 < margin < 1:
        raise ValueError(f"margin of {margin}: expected a fraction between 0 and 1")


def tail(statistic: float, degrees_of_freedom: float) -> float:
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


@dataclass(frozen=True)
class Power:
    """What a test can detect: `standard_error` of the difference with no true difference, and what one changed row adds to it."""

    standard_error: float
    degrees_of_freedom: float
    step: float = 0.0

    def questions(self, n: int, margin: float, *, both_sides: bool) -> float:
        """How many questions would show, with power .8 at the rate of changed answers seen in `n`, that a true difference of 0
        is above -`margin`; with `both_sides`, within +-`margin` (Julious, Statistics in Medicine 23, 2004, 1921-1986).

        At least as many as a one-sided score interval needs where no answer changes.
        """
        check_margin(margin)
        quantiles = special.ndtri(0.95) + special.ndtri(0.9 if both_sides else 0.8)
        unchanged = special.ndtri(0.95) ** 2 * (1 - margin) / margin
        return float(max(n * (quantiles * self.standard_error / margin) ** 2, unchanged))

    def detectable(self, level: float = 0.05) -> float:
        """The smallest difference that a test at `level` detects with power .8: (t_(1 - level / 2) + z_.8) standard errors.

        Fewer changed rows than `fewest_discordant` are never significant.
        """
        quantiles = critical_value(self.degrees_of_freedom, 1 - level) + float(special.ndtri(0.8))
        return max(quantiles * self.standard_error, fewest_discordant(level) * self.step)


def fewest_discordant(level: float) -> int:
    """The fewest discordant pairs, all in one direction, that McNemar's exact test finds significant: 6 at .05."""
    return floor(log2(2 / level)) + 1
