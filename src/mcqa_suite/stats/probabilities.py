"""Probabilities over the options: softmax, divergence between two models (in nats), calibration, Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.stats.intervals import Floats


@dataclass(frozen=True)
class Spread:
    """Mean, median, 95th percentile and maximum over items."""

    mean: float
    median: float
    p95: float
    max: float


def spread(values: Floats) -> Spread:
    median, p95 = np.quantile(values, [0.5, 0.95])
    return Spread(float(values.mean()), float(median), float(p95), float(values.max()))


def option_probabilities(loglikelihoods: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Softmax over each document's options; options that `mask` excludes get 0."""
    shifted = np.where(mask, loglikelihoods, -np.inf)
    weights = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def kl_divergence(base: Floats, variant: Floats, mask: NDArray[np.bool_]) -> Floats:
    """KL(base || variant) over each document's options, from their log-likelihoods.

    It stays finite where the variant's probability of an option is too small for a float.
    """
    first, second = (_log_probabilities(values, mask) for values in (base, variant))
    with np.errstate(invalid="ignore"):
        terms = np.where(mask, np.exp(first) * (first - second), 0.0)
    return np.asarray(np.maximum(0.0, terms.sum(axis=1)))


def _log_probabilities(loglikelihoods: Floats, mask: NDArray[np.bool_]) -> Floats:
    values = np.where(mask, loglikelihoods, -np.inf)
    values = values - values.max(axis=1, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(axis=1, keepdims=True)))


def jensen_shannon(first: Floats, second: Floats) -> Floats:
    """Jensen-Shannon divergence of each row of probabilities: symmetric, at most log 2."""
    middle = (first + second) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(part > 0, part * (np.log(part) - np.log(middle)), 0.0) for part in (first, second)]
    return np.asarray(np.maximum(0.0, (terms[0] + terms[1]).sum(axis=1) / 2))


def expected_calibration_error(confidence: Floats, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over bins of equal mass (Nixon et al., arXiv 1904.01685).

    Items of equal confidence share a bin, so that their order does not matter. Raises ValueError for no items.
    """
    n = len(confidence)
    if n < 1:
        raise ValueError("cannot compute a calibration error: no items")
    _, which, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2)[which]
    index = np.minimum((middle * bins / n).astype(int), bins - 1)
    gap = np.bincount(index, weights=confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / n)


def brier(probabilities: Floats, gold: NDArray[np.bool_]) -> float:
    """Brier score over the options (Brier 1950): mean squared distance to the right answer, from 0 (best) to 2.

    `gold` marks the right options; several right options share the 1 equally. Raises ValueError for no items.
    """
    if len(probabilities) < 1:
        raise ValueError("cannot compute a Brier score: no items")
    target = gold / gold.sum(axis=1, keepdims=True)
    return float(((probabilities - target) ** 2).sum(axis=1).mean())
