"""What guessing scores: a random option for every document, or the same option for every document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcqa_suite.logs.samples import Booleans, Floats, Integers
from mcqa_suite.questions.question import option_label

MIN_KNOWN_GOLD = 0.99  # statistics of right options need at least this share of documents with a known gold

Asked = tuple[Integers, Booleans]  # of the documents of a task: how many options each has, and which are right


@dataclass(frozen=True)
class Guessing:
    """`chance`: the expected accuracy of a random option; None where an answer is not one of a few.

    `constant`: the option that is right most often, and the accuracy of always choosing it; None where gold is unknown too.
    """

    chance: float | None = None
    constant: tuple[str, float] | None = None


def chances(options: Integers, gold: Booleans) -> Floats:
    """The probability that a random option of each document is right; where gold is unknown, one option counts as right."""
    return np.asarray(np.maximum(1, gold.sum(axis=1)) / options)


def guessing(tasks: Sequence[Asked], weights: Sequence[float] | None = None) -> Guessing:
    """What guessing scores on tasks: the mean of the tasks with their `weights`; None: every document has the same weight."""
    if not tasks or any(not len(options) or options.min() == 0 for options, _ in tasks):
        return Guessing()
    weights = [len(options) for options, _ in tasks] if weights is None else weights
    chance = np.average([chances(*task).mean() for task in tasks], weights=weights)
    width = max(gold.shape[1] for _, gold in tasks)
    shares = [np.pad(gold.mean(axis=0), (0, width - gold.shape[1])) for _, gold in tasks]
    right = np.average(shares, axis=0, weights=weights)
    labelled = np.average([gold.any(axis=1).mean() for _, gold in tasks], weights=weights)
    best = int(right.argmax())
    constant = (option_label(best), float(right[best])) if labelled >= MIN_KNOWN_GOLD else None
    return Guessing(float(chance), constant)
