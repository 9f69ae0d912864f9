"""Compute the numbers of one comparison from its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare.pairing import Answers, Pairs, joined
from mcqa_suite.analysis.compare.result import Change, Choices, Flips
from mcqa_suite.logs.guessing import MIN_KNOWN_GOLD
from mcqa_suite.logs.samples import Floats
from mcqa_suite.stats import PairedTable, Power, Rows
from mcqa_suite.stats.intervals import FEWEST_EVENTS

SEED = 20_230_517  # of the bootstrap; fixed, so that tables are reproducible
RESAMPLES = 2000
ONE_SIDED = 0.9  # level of the two-sided interval whose ends are one-sided bounds of 95 %


def change(
    parts: Sequence[Pairs], weights: Sequence[float] | None, margin: float, *, resamples: int = RESAMPLES
) -> Change:
    """The paired difference of the weighted mean of some tasks; without weights, every document has the same one.

    Scores from 0 to 1 get a score interval, others Student's t. `resamples`: those of the bootstrap, 0 for none.
    """
    pairs = joined(parts)
    if weights is None:
        rows = Rows.pooled(pairs.n, pairs.cluster)
    else:
        rows = Rows.of_tasks([part.n for part in parts], weights, pairs.cluster)
    first, second = pairs.base.score, pairs.variant.score
    bounded = min(first.min(), second.min()) >= 0 and max(first.max(), second.max()) <= 1
    measured = (_share_change if bounded else _mean_change)(first, second, rows, margin)
    same = (first == second).all() and (pairs.base.answer == pairs.variant.answer).all()
    measured = replace(measured, no_change=bool(same), questions=pairs.clusters or pairs.n)
    if weights is not None or not resamples:
        return measured
    if pairs.base.right is not None and pairs.variant.right is not None:
        table = PairedTable.of(pairs.base.right, pairs.variant.right)
        counts = (table.only_second, table.only_first)
        measured = replace(measured, p_mcnemar=stats.mcnemar_exact(*counts), p_midp=stats.mcnemar_midp(*counts))
    drawn = stats.bootstrap_difference(second - first, np.random.default_rng(SEED), rows.clusters, resamples)
    return replace(measured, bootstrap=drawn)


def _share_change(first: Floats, second: Floats, rows: Rows, margin: float) -> Change:
    paired = stats.PairedMeans.of(first, second, rows)
    difference, one_sided = paired.differences(0.95, ONE_SIDED)
    return Change(
        base=stats.weighted_share(first, rows),
        variant=stats.weighted_share(second, rows),
        difference=difference,
        one_sided=one_sided,
        method="clustered score" if rows.clusters is not None else "score",
        p=paired.p_value(),
        p_equivalent=paired.p_equivalent(margin),
        power=paired.power(),
        fragile=paired.effect is not None and 0 < paired.changed < FEWEST_EVENTS,
    )


def _mean_change(first: Floats, second: Floats, rows: Rows, margin: float) -> Change:
    mean = stats.weighted_mean(second - first, rows)
    value, error, freedom = mean.estimate.value, mean.standard_error, mean.degrees_of_freedom
    return Change(
        base=stats.weighted_mean(first, rows).estimate,
        variant=stats.weighted_mean(second, rows).estimate,
        difference=mean.estimate,
        one_sided=mean.at(ONE_SIDED),
        method="clustered t" if rows.clusters is not None else "t",
        p=stats.t_test(value, error, freedom) if isfinite(error) else _sign_test(second - first, rows),
        p_equivalent=stats.tost_mean(value, error, margin, freedom),
        power=Power(error, freedom),
    )


def _sign_test(difference: Floats, rows: Rows) -> float:
    """Two-sided p of a difference that is the same in every row, so that it has no spread; 1 where rows differ in its sign."""
    signs = np.unique(np.sign(difference))
    n = len(difference) if rows.clusters is None else len(np.unique(rows.clusters))
    return stats.mcnemar_exact(n, 0) if len(signs) == 1 and signs[0] else 1.0


def flips(pairs: Pairs) -> Flips | None:
    """Counts of changed answers; None if the scores are not those of right and wrong answers."""
    first, second = pairs.base.right, pairs.variant.right
    if first is None or second is None or not pairs.is_accuracy:
        return None
    changed = pairs.base.answer != pairs.variant.answer
    return Flips(int((first & ~second).sum()), int((~first & second).sum()), int((~first & ~second & changed).sum()))


def choices(pairs: Pairs) -> Choices:
    """Letter shares for tasks with options; divergence and calibration if all log-likelihoods are finite."""
    width, values = int(pairs.options.max(initial=0)), dict[str, Any]()
    gold, labelled = pairs.gold, pairs.gold.any(axis=1)
    if pairs.options.min(initial=1) > 0 and labelled.mean() >= MIN_KNOWN_GOLD:
        values["letters_base"], values["letters_variant"] = _letters(pairs.base, width), _letters(pairs.variant, width)
        values["letters_gold"] = tuple(float(share) for share in gold[:, :width].mean(axis=0))
    first, second, mask = pairs.base.loglikelihoods, pairs.variant.loglikelihoods, pairs.option_mask
    if first is None or second is None or (pairs.base.options != pairs.variant.options).any():
        return Choices(**values)
    if not (np.isfinite(first) & np.isfinite(second) | ~mask).all():
        return Choices(**values)
    base, variant = stats.option_probabilities(first, mask), stats.option_probabilities(second, mask)
    if labelled.any():
        values["gold_change"] = float(((variant - base) * gold).sum(axis=1)[labelled].mean())
        values["brier_base"] = stats.brier(base[labelled], gold[labelled])
        values["brier_variant"] = stats.brier(variant[labelled], gold[labelled])
    return Choices(
        kl=stats.spread(stats.kl_divergence(first, second, mask)),
        jensen_shannon=float(stats.jensen_shannon(base, variant).mean()),
        ece_base=_ece(base, pairs.base) if pairs.is_accuracy else None,
        ece_variant=_ece(variant, pairs.variant) if pairs.is_accuracy else None,
        **values,
    )


def _letters(answers: Answers, width: int) -> tuple[float, ...]:
    counts = np.bincount(answers.pick[answers.pick >= 0], minlength=width)
    return tuple(float(count) / len(answers.pick) for count in counts)


def _ece(probabilities: Floats, answers: Answers) -> float | None:
    if answers.right is None:
        return None
    confidence = probabilities[np.arange(len(answers.pick)), answers.pick]
    return stats.expected_calibration_error(confidence, answers.right)
