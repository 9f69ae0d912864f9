"""The numbers of one comparison, from pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare.pairing import Answers, Booleans, Pairs
from mcqa_suite.analysis.compare.result import Change, Choices, Flips, Method
from mcqa_suite.logs.samples import SURE, Floats
from mcqa_suite.stats import DesignEffect, Estimate, PairedTable

SEED = 20_230_517  # of the bootstrap, so that a table is the same every time
RESAMPLES = 2000
# Discordant pairs over the design effect; benchmarks/accuracy/coverage.py finds no interval that covers what it claims below.
FEWEST_EFFECTIVE_PAIRS = 10


def change(pairs: Pairs, margin: float) -> Change:
    """The paired difference, by the method that fits the scores and the clusters."""
    codes = None
    if pairs.cluster is not None:
        names, codes = np.unique(pairs.cluster, return_inverse=True)
        codes = codes if len(names) > 1 else None
    differences = pairs.variant.score - pairs.base.score
    rng = np.random.default_rng(SEED)
    if codes is None:
        boot, effect = stats.bootstrap_difference(differences, rng, resamples=RESAMPLES), None
    else:
        boot = stats.cluster_bootstrap_difference(differences, codes, rng, resamples=RESAMPLES)
        effect = stats.design_effect(differences, codes)
    if pairs.base.right is None or pairs.variant.right is None:
        return _mean_change(pairs, differences, codes, effect, boot, margin)
    return _share_change(pairs.base.right, pairs.variant.right, codes, effect, boot, margin)


def _share_change(
    first: Booleans,
    second: Booleans,
    codes: np.ndarray | None,
    effect: DesignEffect | None,
    boot: Estimate,
    margin: float,
) -> Change:
    table = PairedTable.of(first, second)
    gains, losses, n = table.only_second, table.only_first, table.n
    method: Method = "score"
    base, variant = (stats.wilson(int(right.sum()), n) for right in (first, second))
    exact = stats.mcnemar_exact(gains, losses)
    p = exact
    if codes is not None and effect is not None:
        method = "clustered score"
        base, variant = (stats.clustered_share(right, codes) for right in (first, second))
        p = stats.score_test(gains, losses, n, effect)
    factor = effect.factor if effect else 1.0
    return Change(
        base=base,
        variant=variant,
        difference=stats.paired_difference(table, effect=effect),
        bootstrap=boot,
        method=method,
        p=p,
        p_mcnemar=exact,
        p_midp=stats.mcnemar_midp(gains, losses),
        p_equivalent=stats.tost(gains, losses, n, margin, effect),
        mde=stats.minimum_detectable_difference(table.discordance, n, factor=factor),
        fragile=effect is not None and 0 < (gains + losses) / factor < FEWEST_EFFECTIVE_PAIRS,
    )


def _mean_change(
    pairs: Pairs,
    differences: Floats,
    codes: np.ndarray | None,
    effect: DesignEffect | None,
    boot: Estimate,
    margin: float,
) -> Change:
    base, variant = (
        stats.mean_estimate(score, effect=None if codes is None else stats.design_effect(score, codes))
        for score in (pairs.base.score, pairs.variant.score)
    )
    value = float(differences.mean())
    error = stats.standard_error(differences, effect) if len(differences) > 1 else float("inf")
    freedom = effect.degrees_of_freedom if effect else float(max(1, len(differences) - 1))
    return Change(
        base=base,
        variant=variant,
        difference=stats.mean_estimate(differences, effect=effect),
        bootstrap=boot,
        method="clustered t" if effect else "t",
        p=stats.t_test(value, error, freedom),
        p_mcnemar=None,
        p_midp=None,
        p_equivalent=stats.tost_mean(value, error, margin, freedom),
        mde=stats.detectable_difference(error),
    )


def macro_change(parts: Sequence[Pairs], pooled: Change, margin: float) -> Change:
    """The difference of two means over tasks, in which every task counts the same.

    Where no pair differs at all there is no variance to go by, and the pooled interval is kept.
    """
    base = stats.macro_mean([part.base.score for part in parts])
    variant = stats.macro_mean([part.variant.score for part in parts])
    mean = stats.macro_mean([part.variant.score - part.base.score for part in parts])
    if mean.standard_error == 0 or not np.isfinite(mean.standard_error):
        return pooled
    return Change(
        base=base.estimate,
        variant=variant.estimate,
        difference=mean.estimate,
        bootstrap=pooled.bootstrap,
        method="macro",
        p=stats.t_test(mean.value, mean.standard_error),
        p_mcnemar=pooled.p_mcnemar,
        p_midp=pooled.p_midp,
        p_equivalent=stats.tost_mean(mean.value, mean.standard_error, margin),
        mde=stats.detectable_difference(mean.standard_error),
    )


def flips(pairs: Pairs) -> Flips | None:
    """None where a score is not 0 or 1."""
    first, second = pairs.base.right, pairs.variant.right
    if first is None or second is None:
        return None
    changed = pairs.base.answer != pairs.variant.answer
    return Flips(int((first & ~second).sum()), int((~first & second).sum()), int((~first & ~second & changed).sum()))


def choices(pairs: Pairs) -> Choices:
    """Letters wherever options have them; divergence and calibration where there are finite log-likelihoods."""
    width = int(pairs.options.max(initial=0))
    gold = ((pairs.gold[:, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)).astype(bool)
    known = pairs.gold != 0
    marginals = Choices()
    if pairs.options.min(initial=1) > 0 and known.mean() >= SURE:
        marginals = Choices(
            letters_base=_letters(pairs.base, width),
            letters_variant=_letters(pairs.variant, width),
            letters_gold=tuple(float(share) for share in gold.mean(axis=0)),
        )
    one, other = pairs.base.loglikelihoods, pairs.variant.loglikelihoods
    there = pairs.there
    if (pairs.base.options != pairs.variant.options).any():
        return marginals
    if one is None or other is None or not (np.isfinite(one) & np.isfinite(other) | ~there).all():
        return marginals
    base, variant = stats.option_probabilities(one, there), stats.option_probabilities(other, there)
    change_of_gold = ((variant - base) * gold).sum(axis=1)[known]
    return replace(
        marginals,
        kl=stats.spread(stats.kl_divergence(base, variant)),
        jensen_shannon=float(stats.jensen_shannon(base, variant).mean()),
        gold_change=float(change_of_gold.mean()) if known.any() else None,
        ece_base=_ece(base, pairs.base),
        ece_variant=_ece(variant, pairs.variant),
        brier_base=stats.brier(base[known], gold[known]) if known.any() else None,
        brier_variant=stats.brier(variant[known], gold[known]) if known.any() else None,
    )


def _letters(side: Answers, width: int) -> tuple[float, ...]:
    counts = np.bincount(side.pick[side.pick >= 0], minlength=width)
    return tuple(float(count) / len(side.pick) for count in counts)


def _ece(probabilities: Floats, side: Answers) -> float | None:
    if side.right is None:
        return None
    confidence = probabilities[np.arange(len(side.pick)), side.pick]
    return stats.expected_calibration_error(confidence, side.right)
