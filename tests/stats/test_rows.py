"""Means over rows in clusters and over weighted tasks, against statsmodels, brute force and the formulas for one task."""

from __future__ import annotations

import itertools
import math
import runpy

import numpy as np
import pytest
from helpers.locations import REPOSITORY
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize as scipy_optimize
from scipy import stats as scipy_stats
from statsmodels.regression.linear_model import OLS, WLS

from mcqa_suite import stats
from mcqa_suite.stats.intervals import DesignEffect
from mcqa_suite.stats.paired import score_statistic


def answers(share, n, seed):
    return (np.random.default_rng(seed).random(n) < share).astype(float)


def test_independent_answers_of_one_task_have_wilsons_and_tangos_intervals_and_mcnemars_p():
    first, second, rows = answers(0.6, 300, 0), answers(0.7, 300, 1), stats.Rows.pooled(300)
    paired, table = stats.PairedMeans.of(first, second, rows), stats.PairedTable.of(first > 0, second > 0)
    assert stats.weighted_share(first, rows) == stats.wilson(int(first.sum()), 300)
    assert paired.difference() == stats.paired_difference(table)
    assert paired.p_value() == stats.mcnemar_exact(table.only_second, table.only_first)
    assert paired.statistic(0.02) == pytest.approx(
        float(score_statistic(table.only_second, table.only_first, 300, 0.02))
    )


def test_the_variance_of_clustered_rows_is_the_cluster_robust_one():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(30), 10)
    values = rng.normal(size=300) + rng.normal(size=30)[clusters]
    robust = OLS(values, np.ones(300)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    rows = stats.Rows.pooled(300, clusters)
    assert rows.variance(values) == pytest.approx(robust.bse[0] ** 2)
    assert rows.freedom == pytest.approx(29)


def test_the_variance_of_weighted_tasks_is_the_robust_one_of_a_regression_on_their_indicators():
    rng = np.random.default_rng(2)
    sizes, weights = [40, 80, 400], np.array([0.5, 0.3, 0.2])
    task = np.repeat(np.arange(3), sizes)
    clusters = np.concatenate([np.repeat(np.arange(size // 4), 4) + 1000 * i for i, size in enumerate(sizes)])
    values = rng.normal(size=520) + rng.normal(size=4000)[clusters]
    fit = WLS(values, np.eye(3)[task]).fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False})
    # statsmodels' estimate is CR0: each task's part is too small by 1 - 1 / its number of clusters
    part = weights**2 * np.diag(fit.cov_params()) / (1 - 4 / np.array(sizes))
    rows = stats.Rows.of_tasks(sizes, weights, clusters)
    assert rows.variance(values) == pytest.approx(part.sum())
    assert rows.mean(values) == pytest.approx(float(weights @ fit.params))


def test_a_cluster_across_tasks_adds_to_the_variance_of_their_mean():
    rng = np.random.default_rng(3)
    shared = rng.normal(size=200)
    values = np.concatenate([shared + rng.normal(size=200), shared + rng.normal(size=200)])
    across = stats.Rows.of_tasks([200, 200], [1, 1], np.tile(np.arange(200), 2))
    apart = stats.Rows.of_tasks([200, 200], [1, 1])
    assert across.variance(values) == pytest.approx(((values[:200] + values[200:]) / 2).var(ddof=1) / 200, rel=0.01)
    assert across.variance(values) > 1.3 * apart.variance(values)


@pytest.mark.parametrize("across", [False, True], ids=["clusters within tasks", "clusters across tasks"])
def test_variance_and_degrees_of_freedom_are_bell_and_mccaffreys_by_the_definition(across):
    rng = np.random.default_rng(10)
    sizes, weights = [12, 30, 70], np.array([0.5, 0.3, 0.2])
    task = np.repeat(np.arange(3), sizes)
    clusters = rng.integers(9, size=112) + (0 if across else 100 * task)
    values, indicators = rng.normal(size=112), np.eye(3)[task]
    residual_maker = np.eye(112) - indicators @ np.linalg.pinv(indicators)
    each, vectors = (weights / sizes)[task], []
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        spread, axes = np.linalg.eigh(residual_maker[np.ix_(rows, rows)])
        adjusted = axes / np.sqrt(spread) @ axes.T @ each[rows]
        vectors.append(residual_maker[:, rows] @ adjusted)
    products = np.array(vectors) @ np.array(vectors).T
    rows = stats.Rows.of_tasks(sizes, weights, clusters)
    assert rows.variance(values) == pytest.approx(float(((np.array(vectors) @ values) ** 2).sum()))
    assert rows.freedom == pytest.approx(np.trace(products) ** 2 / (products**2).sum())


def test_unequal_clusters_have_fewer_degrees_of_freedom():
    assert 1 < stats.Rows.pooled(100, np.repeat([0, 1, 2, 3], [10, 10, 10, 70])).freedom < 3


def test_clusters_of_one_row_and_a_single_cluster_are_none():
    for clusters in (np.arange(50), np.zeros(50)):
        assert stats.Rows.pooled(50, clusters).clusters is None
    two_tasks = stats.Rows.of_tasks([3, 4], [1, 1], np.array([7, 7, 7, 1, 1, 2, 2]))
    assert np.bincount(two_tasks.clusters).max() == 2  # the first task has one cluster: its rows count by themselves
    assert len(np.unique(two_tasks.clusters)) == 5


def test_questions_that_were_all_answered_right_have_an_interval_of_their_own_number():
    """20 questions in 4 rotations each say no more than 20 questions where nothing shows how alike the rotations are."""
    rotated = stats.Rows.pooled(80, np.repeat(np.arange(20), 4))
    estimate = stats.weighted_share(np.ones(80), rotated)
    freedom = scipy_stats.t.ppf(0.975, 19)
    assert estimate.low == pytest.approx(20 / (20 + freedom**2))
    none_changed = stats.PairedMeans.of(np.ones(80), np.ones(80), rotated)
    assert none_changed.difference().high == pytest.approx(freedom**2 / (20 + freedom**2), rel=1e-4)
    assert none_changed.p_equivalent(0.01) > 0.05


def test_a_design_effect_from_many_events_is_left_alone_and_one_from_none_is_the_largest():
    effect = DesignEffect(1.5, 99, most=4.0)
    assert effect.cautious(15) == effect
    assert effect.cautious(0).factor == 4.0
    assert effect.cautious(7.5).factor == pytest.approx(1.5 + 2.5 / 2)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["clusters", "weights", "fractions"]))
def test_exchanging_the_two_models_negates_the_interval_and_keeps_p(seed, kind):
    rng = np.random.default_rng(seed)
    first, second = (rng.random((2, 60)) < 0.6).astype(float)
    if kind == "fractions":
        first, second = rng.integers(9, size=(2, 60)) / 8
    clusters = rng.integers(20, size=60) if kind == "clusters" else None
    rows = stats.Rows.of_tasks([10, 50], [1, 1], clusters) if kind == "weights" else stats.Rows.pooled(60, clusters)
    forward, backward = (stats.PairedMeans.of(*pair, rows) for pair in ((first, second), (second, first)))
    ahead, back = forward.difference(), backward.difference()
    assert (ahead.value, ahead.low, ahead.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert ahead.low < ahead.value < ahead.high
    assert forward.p_value() == pytest.approx(backward.p_value())
    assert 0 <= forward.p_value() <= 1


def sign_flips(each):
    """p of the exact test: the share of all ways to exchange the models in the changed rows with as large a difference."""
    sums = np.array([np.dot(signs, each) for signs in itertools.product([-1, 1], repeat=len(each))])
    return lambda value: float((np.abs(sums) >= abs(value) - 1e-12).mean())


@pytest.mark.parametrize("sizes", [(20, 20), (20, 60), (10, 200)])
def test_the_p_of_weighted_tasks_is_close_to_the_exact_one_and_rarely_smaller(sizes):
    rng, ratios = np.random.default_rng(4), []
    for _ in range(60):
        first = np.ones(sum(sizes))
        second = first.copy()
        changed = np.sort(rng.choice(len(first), 9, replace=False))
        gains = changed[rng.random(9) < 0.5]
        first[gains] = 0
        second[np.setdiff1d(changed, gains)] = 0
        rows = stats.Rows.of_tasks(sizes, [1, 1])
        paired = stats.PairedMeans.of(first, second, rows)
        exact = sign_flips(rows.each[changed])(paired.value)
        ratios.append(paired.p_value() / exact)
        if paired.p_value() < 0.05:
            assert exact < 0.08
    assert 0.8 < np.median(ratios) < 1.25


def likeliest_variance(gains, losses, n, difference):
    """Variance of the difference of one task, at the most likely shares of gains and losses with that true difference."""

    def unlikely(share_of_losses):
        gain, loss = share_of_losses + difference, share_of_losses
        rest = 1 - gain - loss
        if min(gain, loss, rest) <= 0:
            return np.inf
        return -(gains * np.log(gain) + losses * np.log(loss) + (n - gains - losses) * np.log(rest))

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    loss = scipy_optimize.minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
    return (2 * loss + difference - difference**2) / n


def test_the_ends_of_a_weighted_interval_are_where_the_score_statistic_is_critical():
    first, second = answers(0.6, 400, 8), answers(0.6, 400, 9)
    rows = stats.Rows.of_tasks([60, 340], [2, 1])
    paired = stats.PairedMeans.of(first, second, rows)
    interval = paired.difference()
    for end, sign in ((interval.low, 1), (interval.high, -1)):
        tables = zip(paired.gains, paired.losses, rows.sizes, strict=True)
        variances = [likeliest_variance(gains, losses, n, end) for gains, losses, n in tables]
        statistic = (paired.value - end) / math.sqrt(float(rows.weights**2 @ variances))
        assert statistic == pytest.approx(sign * 1.959964, rel=1e-4)


def test_weights_like_the_sizes_give_the_interval_of_pooled_answers():
    """Where the tasks' changes are alike: the stratified score interval adds variances that are those of the whole."""
    first = np.ones(300)
    second = np.where(np.arange(300) % 10 == 0, 0.0, 1.0)
    pooled = stats.PairedMeans.of(first, second, stats.Rows.pooled(300)).difference()
    by_size = stats.PairedMeans.of(first, second, stats.Rows.of_tasks([100, 200], [1, 2])).difference()
    assert (by_size.low, by_size.high) == (pytest.approx(pooled.low), pytest.approx(pooled.high))


def test_a_mean_of_tasks_with_few_questions_has_the_width_of_the_few():
    rows = stats.Rows.of_tasks([5, 1000], [1, 1])
    assert rows.effective_size == pytest.approx(1 / (0.25 / 5 + 0.25 / 1000))
    right = stats.weighted_share(np.ones(1005), rows)
    assert right.low == pytest.approx(stats.wilson(20, 20).low, abs=0.01)
    unchanged = stats.PairedMeans.of(np.ones(1005), np.ones(1005), rows).difference()
    assert unchanged.high > 0.15


def test_five_of_five_fractions_have_wilsons_interval_and_fractions_that_vary_students():
    five = stats.share_estimate(np.ones(5))
    assert (round(five.low, 3), five.high) == (0.566, 1.0)
    values = np.random.default_rng(5).integers(9, size=400) / 8
    half = scipy_stats.t.ppf(0.975, 399) * values.std(ddof=1) / 20
    assert stats.share_estimate(values).half_width == pytest.approx(half, rel=0.01)


def test_four_in_five_comparisons_find_the_detectable_difference_at_the_corrected_level():
    level, n, discordance = 0.05 / 12, 2000, 0.06
    detectable = stats.Power(math.sqrt(discordance / n), math.inf, 1 / n).detectable(level)
    rng = np.random.default_rng(6)
    gain, loss = (discordance - detectable) / 2, (discordance + detectable) / 2
    gains = rng.binomial(n, gain, size=2000)
    losses = rng.binomial(n - gains, loss / (1 - gain))
    shown = np.mean([stats.mcnemar_exact(int(b), int(c)) < level for b, c in zip(gains, losses, strict=True)])
    assert 0.76 < shown < 0.84


def test_the_simulation_of_coverage_has_the_design_effects_of_the_package():
    factors = runpy.run_path(str(REPOSITORY / "benchmarks/accuracy/coverage_methods.py"))["cautious_factors"]
    rng = np.random.default_rng(7)
    clusters = np.repeat(np.arange(40), [3] * 20 + [7] * 20)
    for share in (0.02, 0.1, 0.4):
        changes = rng.choice([-1, 0, 1], p=[share / 2, 1 - share, share / 2], size=200)
        first, second = (changes < 0).astype(float), (changes > 0).astype(float)
        paired = stats.PairedMeans.of(first, second, stats.Rows.pooled(200, clusters))
        totals = np.bincount(clusters, weights=changes)
        ours = factors(totals[None], np.bincount(clusters).astype(float), paired.gains, paired.losses)
        assert ours[0] == pytest.approx(paired.factor)
