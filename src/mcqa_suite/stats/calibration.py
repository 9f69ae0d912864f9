"""Calibration: how well confidence matches accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.stats.clusters import Floats


def expected_calibration_error(confidence: Floats, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Mean distance between confidence and accuracy over bins of equal mass (Nixon et al., arXiv 1904.01685).

    Items of one confidence stay in one bin, so that their order does not matter. Raises ValueError if there is no item.
    """
    n = len(confidence)
    if n < 1:
        raise ValueError("a calibration error of no items")
    _, which, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2)[which]
    index = np.minimum((middle * bins / n).astype(int), bins - 1)
    gap = np.bincount(index, weights=confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / n)


def brier(probabilities: Floats, gold: NDArray[np.bool_]) -> float:
    """Brier's score over the options (1950): mean squared distance to the right answer, 0 at best and 2 at worst.

    `gold` marks the right options; where several are, each has an equal share of 1.
    """
    if len(probabilities) < 1:
        raise ValueError("a Brier score of no items")
    target = gold / gold.sum(axis=1, keepdims=True)
    return float(((probabilities - target) ** 2).sum(axis=1).mean())
