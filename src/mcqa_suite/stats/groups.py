"""Means over several tasks, with the standard error of that very mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.stats.clusters import Floats
from mcqa_suite.stats.intervals import Estimate, critical_value

SHARED = 0.01  # share of documents in common above which two sets count as nested


@dataclass(frozen=True)
class GroupMean:
    """A mean over tasks; `n` counts items."""

    value: float
    standard_error: float
    n: int

    @property
    def estimate(self) -> Estimate:
        """With its normal 95 % interval."""
        half = critical_value(0.95) * self.standard_error
        return Estimate(self.value, self.value - half, self.value + half, self.n)


def pooled_mean(tasks: Sequence[Floats]) -> GroupMean:
    """Every item counts the same: the mean of all scores, and its own standard error."""
    values = np.concatenate(tasks) if tasks else np.empty(0)
    if not len(values):
        raise ValueError("a mean of no items")
    error = float(values.std(ddof=1)) / sqrt(len(values)) if len(values) > 1 else float("inf")
    return GroupMean(float(values.mean()), error, len(values))


def macro_mean(tasks: Sequence[Floats]) -> GroupMean:
    """Every task counts the same: the variances of the tasks' means add up, over the square of their number.

    It is not the mean of the tasks' standard errors, which is too large by about the root of their number.
    """
    if not tasks or not all(len(values) for values in tasks):
        raise ValueError("a mean over no tasks, or over a task of no items")
    means = [pooled_mean([values]) for values in tasks]
    error = sqrt(sum(mean.standard_error**2 for mean in means)) / len(means)
    return GroupMean(sum(mean.value for mean in means) / len(means), error, sum(mean.n for mean in means))


def nested(documents: Mapping[str, NDArray[np.uint64]]) -> tuple[str, str] | None:
    """Two tasks that share documents (by hash), None where no two do: a mean of both would count items twice."""
    names = list(documents)
    unique = {name: np.unique(documents[name]) for name in names}
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            shared = len(np.intersect1d(unique[name], unique[other], assume_unique=True))
            if shared > SHARED * min(len(unique[name]), len(unique[other])):
                return name, other
    return None
