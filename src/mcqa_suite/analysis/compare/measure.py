"""Compute the numbers of one comparison from its pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare.pairing import Answers, Pairs
from mcqa_suite.analysis.compare.result import Change, Choices, Flips
from mcqa_suite.logs.guessing import MIN_KNOWN_GOLD
from mcqa_suite.logs.samples import Booleans, Floats, Integers
from mcqa_suite.stats import DesignEffect, Estimate, PairedTable

SEED = 20_230_517  # of the bootstrap; fixed, so that tables are reproducible
RESAMPLES = 2000
# Discordant pairs divided by the design effect. Below this no interval of benchmarks/accuracy/coverage.py reaches its level.
FEWEST_EFFECTIVE_PAIRS = 10


def change(pairs: Pairs, margin: float) -> Change:
    """The paired difference: score interval for scores of 0 and 1, else Student's t; with a design effect for clusters."""
    codes = None
    if pairs.cluster is not None:
        names, codes = np.unique(pairs.cluster, return_inverse=True)
        codes = codes if len(names) > 1 else None
    first, second = pairs.base.right, pairs.variant.right
    if first is None or second is None:
        return _mean_change(pairs.base.score, pairs.variant.score, codes, margin)
    return _share_change(first, second, codes, margin)


def _effect(values: Floats, codes: Integers | None) -> DesignEffect | None:
    return None if codes is None else stats.design_effect(values, codes)


def _bootstrap(differences: Floats, codes: Integers | None) -> Estimate:
    return stats.bootstrap_difference(differences, np.random.default_rng(SEED), codes, resamples=RESAMPLES)


def _share_change(first: Booleans, second: Booleans, codes: Integers | None, margin: float) -> Change:
    differences, table = second.astype(float) - first.astype(float), PairedTable.of(first, second)
    gains, losses, n = table.only_second, table.only_first, table.n
    effect, exact = _effect(differences, codes), stats.mcnemar_exact(gains, losses)
    factor = effect.factor if effect else 1.0
    return Change(
        base=stats.share_estimate(first, codes),
        variant=stats.share_estimate(second, codes),
        difference=stats.paired_difference(table, effect=effect),
        bootstrap=_bootstrap(differences, codes),
        method="clustered score" if effect else "score",
        p=stats.score_test(gains, losses, n, effect) if effect else exact,
        p_mcnemar=exact,
        p_midp=stats.mcnemar_midp(gains, losses),
        p_equivalent=stats.tost(gains, losses, n, margin, effect),
        mde=stats.minimum_detectable_difference(table.discordance, n, factor=factor),
        fragile=effect is not None and 0 < (gains + losses) / factor < FEWEST_EFFECTIVE_PAIRS,
    )


def _mean_change(first: Floats, second: Floats, codes: Integers | None, margin: float) -> Change:
    differences = second - first
    value, effect = float(differences.mean()), _effect(differences, codes)
    error = stats.standard_error(differences, effect) if len(differences) > 1 else float("inf")
    freedom = effect.degrees_of_freedom if effect else float(max(1, len(differences) - 1))
    return Change(
        base=stats.mean_estimate(first, codes),
        variant=stats.mean_estimate(second, codes),
        difference=stats.mean_estimate(differences, codes),
        bootstrap=_bootstrap(differences, codes),
        method="clustered t" if effect else "t",
        p=stats.t_test(value, error, freedom),
        p_equivalent=stats.tost_mean(value, error, margin, freedom),
        mde=stats.detectable_difference(error),
    )


def macro_change(parts: Sequence[Pairs], pooled: Change, margin: float) -> Change:
    """The difference of two means in which every task has the same weight.

    Returns `pooled` if the standard error is 0 or infinite.
    """
    base = stats.macro_mean([part.base.score for part in parts])
    variant = stats.macro_mean([part.variant.score for part in parts])
    mean = stats.macro_mean([part.variant.score - part.base.score for part in parts])
    if mean.standard_error == 0 or not np.isfinite(mean.standard_error):
        return pooled
    return replace(
        pooled,
        base=base.estimate,
        variant=variant.estimate,
        difference=mean.estimate,
        method="macro",
        p=stats.t_test(mean.value, mean.standard_error),
        p_equivalent=stats.tost_mean(mean.value, mean.standard_error, margin),
        mde=stats.detectable_difference(mean.standard_error),
        fragile=False,
    )


def flips(pairs: Pairs) -> Flips | None:
    """Counts of changed answers; None if a score is neither 0 nor 1."""
    first, second = pairs.base.right, pairs.variant.right
    if first is None or second is None:
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
        kl=stats.spread(stats.kl_divergence(base, variant)),
        jensen_shannon=float(stats.jensen_shannon(base, variant).mean()),
        ece_base=_ece(base, pairs.base),
        ece_variant=_ece(variant, pairs.variant),
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
