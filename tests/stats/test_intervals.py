"""Intervals against published values, and what must hold for every table."""

from __future__ import annotations

import numpy as np
import pytest

from mcqa_suite import stats


# Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (Wilson score without continuity correction)
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    estimate = stats.wilson(successes, n)
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_square_and_add_gives_the_published_interval():
    # Newcombe, Statistics in Medicine 17 (1998) 873-890, example (a): 56/70 and 48/80, method 10: 0.0524 to 0.3339
    estimate = stats.unpaired_difference(stats.wilson(48, 80), stats.wilson(56, 70))
    assert (estimate.low, estimate.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_a_share_of_no_items_is_an_error():
    with pytest.raises(ValueError, match="no items"):
        stats.wilson(0, 0)


@pytest.mark.parametrize("table", [(20, 12, 2, 16), (50, 0, 9, 1), (0, 0, 0, 30), (997, 1, 2, 0)])
def test_exchanging_the_two_models_reverses_the_interval(table):
    both, second, first, neither = table
    forward, backward = (
        stats.paired_difference(stats.PairedTable(both, second, first, neither)),
        stats.paired_difference(stats.PairedTable(both, first, second, neither)),
    )
    assert (forward.value, forward.low, forward.high) == pytest.approx((-backward.value, -backward.high, -backward.low))
    assert forward.low <= forward.value <= forward.high


def test_equal_answers_have_a_difference_of_exactly_zero():
    same = stats.paired_difference(stats.PairedTable(70, 0, 0, 30))
    assert same.value == 0.0
    assert same.low <= 0.0 <= same.high


@pytest.mark.parametrize(("accuracy", "discordance", "n"), [(0.6, 0.1, 200), (0.9, 0.05, 500), (0.3, 0.2, 100)])
def test_paired_intervals_cover_what_they_claim(accuracy, discordance, n):
    rng = np.random.default_rng(7)
    shares = [accuracy - discordance / 2, discordance / 2, discordance / 2, 1 - accuracy - discordance / 2]
    tables = rng.multinomial(n, shares, size=2000)
    low, high = stats.tango_bounds(tables[:, 1], tables[:, 2], n, 1.959964)
    assert 0.935 <= np.mean((low <= 0) & (high >= 0)) <= 0.985
