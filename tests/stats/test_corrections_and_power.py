"""Corrections, power, calibration, divergence, groups and chance."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy
from statsmodels.stats.multitest import multipletests

from mcqa_suite import stats

# Benjamini and Hochberg, JRSS B 57 (1995) 289-300, section 4.1: at .05 Bonferroni keeps 3 of the 15, theirs 4
PUBLISHED = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0000,
]


def test_corrections_reject_as_many_hypotheses_as_published():
    assert sum(p <= 0.05 for p in stats.holm(PUBLISHED)) == 3
    assert sum(p <= 0.05 for p in stats.benjamini_hochberg(PUBLISHED)) == 4


@pytest.fixture(scope="module")
def _frozen_heap() -> Iterator[None]:
    """Leave existing objects out of garbage collections: each call of `multipletests` for Holm starts a full one."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_frozen_heap")
@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_corrections_agree_with_statsmodels(p_values):
    assert stats.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    assert stats.benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


def test_no_p_values_need_no_correction():
    assert stats.holm([]) == []


# Points at alpha .05 and power .8, for OpenBookQA, ARC-Challenge, GSM8K and MMLU-STEM
@pytest.mark.parametrize(
    ("n", "at_2", "at_5", "at_10"),
    [(500, 1.8, 2.8, 4.0), (1172, 1.2, 1.8, 2.6), (1319, 1.1, 1.7, 2.4), (3153, 0.7, 1.1, 1.6)],
)
def test_detectable_differences_are_those_of_the_reference_table(n, at_2, at_5, at_10):
    powers = [stats.Power(np.sqrt(share / n), np.inf, 1 / n) for share in (0.02, 0.05, 0.1)]
    assert [round(100 * power.detectable(), 1) for power in powers] == [at_2, at_5, at_10]


def test_fewer_than_six_flips_cannot_be_detected():
    assert stats.Power(0.0, np.inf, 1 / 1000).detectable() == 0.006
    for level in (0.05, 0.05 / 12, 0.05 / 300):
        fewest = stats.fewest_discordant(level)
        assert stats.mcnemar_exact(0, fewest) < level < stats.mcnemar_exact(0, fewest - 1)


# Phi-3-mini base and 3-bit GPTQ accuracies of the reference table, and what is left above chance
@pytest.mark.parametrize(
    ("base", "variant", "raw", "corrected"),
    [
        (69.4, 55.9, 80.5, 69.6),  # ARC
        (33.6, 28.7, 85.4, 43.0),  # GPQA
        (57.3, 46.0, 80.3, 65.0),  # MMLU-STEM
        (38.8, 33.8, 87.1, 63.8),  # OpenBookQA
        (95.5, 93.2, 97.6, 96.7),  # SciQ
    ],
)
def test_the_published_3_bit_row_recovers_less_once_chance_is_taken_off(base, variant, raw, corrected):
    assert 100 * stats.recovery(base / 100, variant / 100) == pytest.approx(raw, abs=0.06)
    left = stats.chance_corrected_recovery(base / 100, variant / 100, 0.25)
    assert 100 * left == pytest.approx(corrected, abs=0.06)


def test_a_base_at_chance_has_nothing_to_recover():
    assert stats.chance_corrected_recovery(0.25, 0.5, 0.25) is None
    assert stats.recovery(0.0, 0.5) is None
    assert stats.chance_corrected_recovery(0.5, 0.2, 0.25) == pytest.approx(-0.2)


def test_calibration_of_a_sure_and_of_an_honest_model():
    right = np.array([True, False, True, False])
    assert stats.expected_calibration_error(np.ones(4), right) == 0.5
    assert stats.expected_calibration_error(np.full(4, 0.5), right) == 0.0
    assert stats.brier(np.full((4, 2), 0.5), np.eye(2, dtype=bool)[[0, 1, 0, 1]]) == 0.5
    assert stats.brier(np.eye(2), np.eye(2, dtype=bool)) == 0.0
    assert stats.brier(np.eye(2), np.eye(2, dtype=bool)[::-1]) == 2.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80), st.randoms())
def test_the_calibration_error_does_not_depend_on_the_order(items, random):
    def error(pairs):
        return stats.expected_calibration_error(np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]))

    mixed = random.sample(items, len(items))
    assert 0 <= error(items) <= 1
    assert error(items) == pytest.approx(error(mixed))


def test_bins_hold_equal_mass():
    rng = np.random.default_rng(0)
    confidence = rng.random(3000) ** 4
    right = rng.random(3000) < confidence
    parts = np.array_split(np.argsort(confidence), 15)
    by_hand = sum(abs(confidence[part].mean() - right[part].mean()) * len(part) for part in parts) / 3000
    assert stats.expected_calibration_error(confidence, right) == pytest.approx(by_hand)


def test_divergences_agree_with_scipy():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(50, 4)), rng.normal(size=(50, 4))
    mask = np.ones((50, 4), bool)
    p, q = stats.option_probabilities(first, mask), stats.option_probabilities(second, mask)
    assert p == pytest.approx(softmax(first, axis=1))
    assert stats.kl_divergence(first, second, mask) == pytest.approx(entropy(p, q, axis=1))
    assert stats.jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, axis=1) ** 2)
    assert stats.kl_divergence(first, first, mask).max() == 0.0


def test_a_probability_that_is_too_small_for_a_float_leaves_the_divergence_finite():
    mask = np.array([[True, True, False]])
    [value] = stats.kl_divergence(np.array([[0.0, -800.0, 9.0]]), np.array([[-1000.0, 0.0, 9.0]]), mask)
    assert value == pytest.approx(1000)


def test_missing_options_have_no_probability():
    mask = np.array([[True, True, False]])
    p = stats.option_probabilities(np.array([[-1.0, -1.0, 0.0]]), mask)
    assert p.tolist() == [[0.5, 0.5, 0.0]]
    assert stats.kl_divergence(np.array([[-1.0, -1.0, 0.0]]), np.array([[-1.0, -2.0, 9.0]]), mask)[0] < 1


def test_the_error_of_a_mean_is_not_the_mean_of_the_errors():
    # 19 subjects of 166 documents at .5: a published table printed 3.9 where the pooled error is 0.9
    rng = np.random.default_rng(2)
    tasks = [(rng.random(166) < 0.5).astype(float) for _ in range(19)]
    errors = [task.std(ddof=1) / 166**0.5 for task in tasks]
    assert 100 * np.mean(errors) == pytest.approx(3.9, abs=0.05)
    values = np.concatenate(tasks)
    pooled, macro = stats.Rows.pooled(len(values)), stats.Rows.of_tasks([166] * 19, [1] * 19)
    assert 100 * np.sqrt(pooled.variance(values)) == pytest.approx(0.9, abs=0.05)
    assert np.sqrt(macro.variance(values)) == pytest.approx(np.sqrt(np.sum(np.square(errors))) / 19)
    assert macro.mean(values) == pytest.approx(np.mean([task.mean() for task in tasks]))


def test_nested_sets_are_detected():
    hashes = np.arange(1000, dtype=np.uint64)
    main, diamond = hashes[:448], hashes[100:298]
    assert stats.nested({"main": main, "diamond": diamond, "other": hashes[500:]}) == ("main", "diamond")
    assert stats.nested({"main": main, "other": hashes[447:]}) is None  # one question in common is an accident


def test_intervals_of_means():
    estimate = stats.weighted_mean(np.array([1.0, 2.0, 3.0, 6.0]), stats.Rows.pooled(4)).estimate
    assert (estimate.low, estimate.high) == (pytest.approx(-0.4374, abs=1e-3), pytest.approx(6.4374, abs=1e-3))
    assert estimate.half_width == pytest.approx(3.4374, abs=1e-3)
    for values in (np.array([1.0]), np.full(5, 2.0)):
        assert stats.weighted_mean(values, stats.Rows.pooled(len(values))).estimate.high == np.inf


@pytest.mark.parametrize(
    "nothing",
    [
        lambda: stats.Rows.of_tasks([], []),
        lambda: stats.Rows.of_tasks([3, 0], [1, 1]),
        lambda: stats.share_estimate(np.empty(0)),
        lambda: stats.paired_difference(stats.PairedTable(0, 0, 0, 0)),
        lambda: stats.expected_calibration_error(np.empty(0), np.empty(0, bool)),
        lambda: stats.brier(np.empty((0, 4)), np.empty((0, 4), bool)),
    ],
)
def test_statistics_of_no_items_are_an_error(nothing):
    with pytest.raises(ValueError, match=r"no items|no tasks"):
        nothing()
