"""Paired intervals and tests against published examples, scipy and statsmodels, and what must hold for every table."""

from __future__ import annotations

import runpy

import numpy as np
import pytest
from helpers.locations import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import proportions_ztest
from statsmodels.stats.weightstats import ttost_paired

from mcqa_suite import stats

COUNTS = st.integers(0, 400)
TABLES = st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).filter(lambda table: sum(table) > 0)
# Airway hyper-responsiveness before and after stem cell transplantation: 1, 1, 7 and 12 of 21 children (Fagerland,
# Lydersen and Laake, Statistics in Medicine 33, 2014, 2850-2875, and BMC Medical Research Methodology 13:91, 2013)
CHILDREN = stats.PairedTable(both=1, only_second=7, only_first=1, neither=12)


def test_tango_gives_the_published_interval():
    estimate = stats.paired_difference(CHILDREN)
    published = pytest.approx(0.286, abs=5e-4), pytest.approx(0.026, abs=5e-4), pytest.approx(0.517, abs=5e-4)
    assert (estimate.value, estimate.low, estimate.high) == published


def test_newcombe_gives_the_published_interval():
    newcombe = runpy.run_path(str(REPOSITORY / "benchmarks/accuracy/coverage_methods.py"))["newcombe"]
    low, high = newcombe(*np.array([CHILDREN.both, CHILDREN.only_second, CHILDREN.only_first, CHILDREN.neither]))
    assert (float(low), float(high)) == (pytest.approx(0.026, abs=5e-4), pytest.approx(0.507, abs=5e-4))


def test_mcnemar_gives_the_published_p_values():
    assert stats.mcnemar_exact(7, 1) == pytest.approx(0.0703, abs=5e-5)
    assert stats.mcnemar_midp(7, 1) == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("gains", "losses"), [(0, 0), (5, 0), (3, 4), (10, 31), (200, 260), (6, 6)])
def test_mcnemar_agrees_with_statsmodels(gains, losses):
    expected = statsmodels_mcnemar([[50, losses], [gains, 50]], exact=True).pvalue if gains + losses else 1.0
    assert stats.mcnemar_exact(gains, losses) == pytest.approx(min(1.0, expected))


def test_tangos_statistic_at_zero_is_mcnemars():
    chi_square = statsmodels_mcnemar([[50, 9], [22, 50]], exact=False, correction=False).statistic
    from mcqa_suite.stats.paired import score_statistic

    assert float(score_statistic(22, 9, 131, 0.0)) ** 2 == pytest.approx(chi_square)


@settings(deadline=None)
@given(TABLES)
def test_exchanging_the_two_models_negates_difference_and_interval(table):
    both, second, first, neither = table
    forward = stats.paired_difference(stats.PairedTable(both, second, first, neither))
    backward = stats.paired_difference(stats.PairedTable(both, first, second, neither))
    assert (forward.value, forward.low, forward.high) == (-backward.value, -backward.high, -backward.low)
    assert stats.mcnemar_exact(second, first) == stats.mcnemar_exact(first, second)


@settings(deadline=None)
@given(TABLES)
def test_the_interval_holds_the_estimate_and_widens_with_the_level(table):
    wide, narrow = (
        stats.paired_difference(stats.PairedTable(*table)),
        stats.paired_difference(stats.PairedTable(*table), level=0.9),
    )
    assert -1 <= wide.low <= narrow.low <= wide.value <= narrow.high <= wide.high <= 1
    assert 0 <= stats.mcnemar_midp(*table[1:3]) <= stats.mcnemar_exact(*table[1:3]) <= 1


@settings(deadline=None)
@given(TABLES, st.sampled_from([0.005, 0.01, 0.03, 0.1]))
def test_equivalent_means_the_90_percent_interval_lies_within_the_margin(table, margin):
    interval = stats.paired_difference(stats.PairedTable(*table), level=0.9)
    if min(abs(abs(interval.low) - margin), abs(abs(interval.high) - margin)) > 1e-9:
        within = -margin < interval.low and interval.high < margin
        first, second = (np.repeat(right, table).astype(float) for right in ([1, 0, 1, 0], [1, 1, 0, 0]))
        paired = stats.PairedMeans.of(first, second, stats.Rows.pooled(len(first)))
        assert (paired.p_equivalent(margin) < 0.05) == within


def test_the_interval_without_flips_has_the_published_width():
    estimate, z = stats.paired_difference(stats.PairedTable(300, 0, 0, 700)), 1.959964
    assert estimate.value == 0.0
    assert estimate.high == pytest.approx(z * z / (1000 + z * z), rel=1e-5)
    assert estimate.low == -estimate.high


def test_equivalence_of_means_agrees_with_statsmodels():
    rng = np.random.default_rng(0)
    first = rng.normal(size=200)
    second = first + rng.normal(0.02, 0.1, size=200)
    difference = second - first
    mean = stats.weighted_mean(difference, stats.Rows.pooled(200))
    value, error, freedom = mean.estimate.value, mean.standard_error, mean.degrees_of_freedom
    assert freedom == pytest.approx(199)
    expected, *_ = ttost_paired(second, first, -0.05, 0.05)
    assert stats.tost_mean(value, error, 0.05, freedom) == pytest.approx(expected)
    assert stats.t_test(value, error, freedom) == pytest.approx(scipy_stats.ttest_rel(second, first).pvalue)


def test_a_margin_is_a_fraction():
    with pytest.raises(ValueError, match=r"margin of 1\.0"):
        stats.tost_mean(0.1, 0.1, 1.0)


def test_the_multinomial_bootstrap_agrees_with_scipys():
    rng = np.random.default_rng(3)
    differences = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.7, 0.2], size=500)
    ours = stats.bootstrap_difference(differences, np.random.default_rng(0))
    theirs = scipy_stats.bootstrap((differences,), np.mean, n_resamples=5000, method="percentile", rng=rng)
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.006)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.006)


def test_a_bootstrap_of_clusters_of_one_is_a_bootstrap_of_items():
    differences = np.random.default_rng(4).choice([-1.0, 0.0, 1.0], size=300)
    items = stats.bootstrap_difference(differences, np.random.default_rng(0))
    clusters = stats.bootstrap_difference(differences, np.random.default_rng(0), np.arange(300))
    assert (items.low, items.high) == (pytest.approx(clusters.low, abs=0.01), pytest.approx(clusters.high, abs=0.01))
    scores = np.random.default_rng(5).normal(size=300)  # every value is distinct
    drawn = stats.bootstrap_difference(scores, np.random.default_rng(0), resamples=500)
    assert drawn.low < scores.mean() < drawn.high


def every_table(n, gain, loss):
    """Gains, losses and their probability, for every table that is not all but impossible."""
    most = [int(n * share + 9 * np.sqrt(n * share + 1)) + 12 for share in (gain, loss)]
    b, c = (grid.ravel() for grid in np.meshgrid(*(np.arange(min(n, top) + 1) for top in most)))
    probability = scipy_stats.binom.pmf(b, n, gain) * scipy_stats.binom.pmf(c, n - b, loss / (1 - gain))
    likely = (b + c <= n) & (probability > 1e-12)
    return b[likely], c[likely], probability[likely]


@pytest.mark.parametrize(
    ("n", "lowest", "highest"), [(50, 0.94, 1.0), (200, 0.94, 1.0), (1000, 0.94, 0.96), (5000, 0.94, 0.96)]
)
@pytest.mark.parametrize(("discordance", "losses"), [(0.01, 0.5), (0.02, 0.75), (0.05, 0.95), (0.1, 0.5)])
def test_tango_covers_what_it_claims_counted_over_every_table(n, lowest, highest, discordance, losses):
    gain, loss = discordance * (1 - losses), discordance * losses
    b, c, probability = every_table(n, gain, loss)
    low, high = stats.tango_bounds(b, c, n, 1.959964)
    covered = probability[(low <= gain - loss + 1e-12) & (gain - loss <= high + 1e-12)].sum()
    assert lowest <= covered <= highest


@pytest.mark.parametrize(("n", "discordance"), [(50, 0.1), (200, 0.05), (1000, 0.02), (1000, 0.3)])
def test_mcnemar_keeps_its_level_counted_over_every_table(n, discordance):
    b, c, probability = every_table(n, discordance / 2, discordance / 2)
    p_values = np.array([stats.mcnemar_exact(int(x), int(y)) for x, y in zip(b, c, strict=True)])
    assert probability[p_values < 0.05].sum() <= 0.05


@pytest.mark.parametrize(("n", "discordance"), [(500, 0.02), (3000, 0.05), (15_000, 0.02)])
def test_equivalence_keeps_its_level_counted_over_every_table(n, discordance):
    b, c, probability = every_table(n, (discordance - 0.01) / 2, (discordance + 0.01) / 2)
    low, high = stats.tango_bounds(b, c, n, 1.6448536)
    assert probability[(low > -0.01) & (high < 0.01)].sum() <= 0.05


def test_the_test_of_two_independent_shares_agrees_with_statsmodels():
    expected = proportions_ztest([56, 48], [70, 80])[1]
    assert stats.unpaired_test(stats.wilson(48, 80), stats.wilson(56, 70)) == pytest.approx(expected)
