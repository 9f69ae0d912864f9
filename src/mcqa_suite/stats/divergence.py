"""Divergences between two models' distributions over the options, in nats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.stats.clusters import Floats


@dataclass(frozen=True)
class Spread:
    """Mean, median, 95th percentile and maximum of a number per item."""

    mean: float
    median: float
    p95: float
    max: float


def spread(values: Floats) -> Spread:
    """The spread of at least one value."""
    median, p95 = np.quantile(values, [0.5, 0.95])
    return Spread(float(values.mean()), float(median), float(p95), float(values.max()))


def option_probabilities(loglikelihoods: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Softmax over the options of each item; `mask` marks the options that a document has, the rest get 0."""
    shifted = np.where(mask, loglikelihoods, -np.inf)
    weights = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def kl_divergence(base: Floats, variant: Floats) -> Floats:
    """KL(base || variant) of each row: 0 where they agree, infinite where the variant rules out what the base does not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(base > 0, base * (np.log(base) - np.log(variant)), 0.0)
    return np.asarray(np.maximum(0.0, terms.sum(axis=1)))


def jensen_shannon(first: Floats, second: Floats) -> Floats:
    """Jensen-Shannon divergence of each row: symmetric, at most log 2."""
    middle = (first + second) / 2
    return (kl_divergence(first, middle) + kl_divergence(second, middle)) / 2
