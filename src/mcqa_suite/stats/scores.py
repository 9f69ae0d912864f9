"""Means of scores over tasks, with their standard errors; the share of a base's score that a variant keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.stats.intervals import Estimate, Floats, critical_value

SHARED = 0.01  # two tasks with a larger share of documents in common are nested


@dataclass(frozen=True)
class GroupMean:
    """A mean with its standard error; `n` counts items."""

    value: float
    standard_error: float
    n: int

    @property
    def estimate(self) -> Estimate:
        """The mean with its 95 % interval, from the normal distribution."""
        half = critical_value() * self.standard_error
        return Estimate(self.value, self.value - half, self.value + half, self.n)


def pooled_mean(tasks: Sequence[Floats]) -> GroupMean:
    """Mean in which every item has the same weight. Raises ValueError for no items."""
    values = np.concatenate(tasks) if tasks else np.empty(0)
    if not len(values):
        raise ValueError("cannot compute a mean: no items")
    error = float(values.std(ddof=1)) / sqrt(len(values)) if len(values) > 1 else float("inf")
    return GroupMean(float(values.mean()), error, len(values))


def macro_mean(tasks: Sequence[Floats]) -> GroupMean:
    """Mean in which every task has the same weight. Raises ValueError for no tasks, and for a task with no items."""
    return mean_of([pooled_mean([values]) for values in tasks])


def mean_of(means: Sequence[GroupMean]) -> GroupMean:
    """The mean of independent means; its variance is the sum of their variances over their number squared.

    The mean of their standard errors would be too large, by about the root of their number. Raises ValueError for no means.
    """
    if not means:
        raise ValueError("cannot compute a mean: no tasks")
    error = sqrt(sum(mean.standard_error**2 for mean in means)) / len(means)
    return GroupMean(sum(mean.value for mean in means) / len(means), error, sum(mean.n for mean in means))


def nested(documents: Mapping[str, NDArray[np.uint64]]) -> tuple[str, str] | None:
    """The first two tasks that share documents (by hash), so that a mean would count items twice; None if there are none."""
    names = list(documents)
    unique = {name: np.unique(documents[name]) for name in names}
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            shared = len(np.intersect1d(unique[name], unique[other], assume_unique=True))
            if shared > SHARED * min(len(unique[name]), len(unique[other])):
                return name, other
    return None


def recovery(base: float, variant: float) -> float | None:
    """The variant's accuracy divided by the base's; None if the base's is 0."""
    return variant / base if base > 0 else None


def chance_corrected_recovery(base: float, variant: float, chance: float) -> float | None:
    """The share of the base's accuracy above chance that the variant keeps; negative if the variant is below chance.

    None if the base is not above chance.
    """
    return (variant - chance) / (base - chance) if base > chance else None
