"""Strategies that turn N samples of a question into one answer, and their expected result with n < N samples.

Shapes: Q questions, N samples of each. `answers` (Q x N) numbers the distinct answers of a question from 0, with -1 for a
sample in which no answer was read; `right` (Q x N) says whether a sample's answer is right; `scores` (Q x N) rank samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

UNREAD = -1
SUBSETS = 128  # number of subsets of n samples that are drawn where there are more
_MAX_CELLS = 1 << 21  # of a table in memory


@dataclass(frozen=True, eq=False)
class Choice:
    """The result of a strategy with n samples. Per question, the share of subsets in which its answer is right
    (`accuracy`), in which several answers share the first place (`ties`), and in which no sample could be read (`unread`)."""

    accuracy: Floats
    ties: Floats
    unread: Floats


def subsets(total: int, n: int, seed: int = 0) -> Integers:
    """Subsets of n of `total` samples, a row each, in the order of the samples: all of them, or SUBSETS drawn by `seed`."""
    if not 1 <= n <= total:
        raise ValueError(f"subsets of {n} from {total} samples")
    if comb(total, n) <= SUBSETS:
        return np.array(list(combinations(range(total), n)), dtype=np.int64)
    drawn = np.random.default_rng((seed, total, n)).permuted(np.tile(np.arange(total), (SUBSETS, 1)), axis=1)
    return np.sort(drawn[:, :n], axis=1)


def majority(answers: Integers, right: Booleans, n: int, seed: int = 0) -> Choice:
    """The most frequent answer; among equally frequent ones, the one that was sampled first. Unread samples do not vote."""
    groups = subsets(answers.shape[1], n, seed)
    width = int(answers.max(initial=0)) + 1
    step = max(1, _MAX_CELLS // (len(groups) * max(width, n)))
    parts = [_majority(answers[at : at + step], right[at : at + step], groups) for at in range(0, len(answers), step)]
    return Choice(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _majority(answers: Integers, right: Booleans, groups: Integers) -> tuple[Floats, Floats, Floats]:
    counts, picked = _counts(answers, groups)
    leads = (counts == counts.max(axis=2, keepdims=True)) & (counts > 0)
    first = _first_leader(leads, picked)
    voted = leads.any(axis=2)
    hit = np.take_along_axis(right[:, groups], first[..., None], axis=2)[..., 0] & voted
    return hit.mean(axis=1), (leads.sum(axis=2) > 1).mean(axis=1), 1.0 - voted.mean(axis=1)


def majority_sample(numbers: Sequence[int]) -> int:
    """The index of the sample that `majority` picks among all of one question's; UNREAD where none was read."""
    votes = Counter(number for number in numbers if number != UNREAD)
    most = max(votes.values(), default=0)
    return next((index for index, number in enumerate(numbers) if most and votes[number] == most), UNREAD)


def _counts(answers: Integers, groups: Integers) -> tuple[Integers, Integers]:
    """Votes (questions x subsets x answers), and the answers of each subset's samples (questions x subsets x n)."""
    picked = answers[:, groups]
    questions, rows, _ = picked.shape
    width = int(answers.max(initial=0)) + 2  # one more for unread samples
    cells = np.arange(questions * rows).reshape(questions, rows, 1) * width + picked + 1
    counts = np.bincount(cells.ravel(), minlength=questions * rows * width)
    return counts.reshape(questions, rows, width)[:, :, 1:], picked


def _first_leader(leads: Booleans, picked: Integers) -> Integers:
    """The index, in each subset, of the first sample that gave one of the leading answers."""
    leading = np.take_along_axis(leads, np.maximum(picked, 0), axis=2) & (picked != UNREAD)
    return np.asarray(leading.argmax(axis=2))


def order_by_score(answers: Integers, scores: Floats) -> Integers:
    """Indices of the samples from best to worst (Q x N): read ones first, then by score, then by index."""
    return np.asarray(np.lexsort((-scores, answers == UNREAD), axis=1))


def best_of(answers: Integers, right: Booleans, scores: Floats, n: int) -> Choice:
    """The sample with the highest score among n, exactly over all subsets: the sample of rank r (from 0) is picked in
    C(N-1-r, n-1) of C(N, n) of them. An unread sample is picked only where all are unread."""
    order = order_by_score(answers, scores)
    total = answers.shape[1]
    weights = np.array([comb(total - 1 - rank, n - 1) for rank in range(total)], dtype=float) / comb(total, n)
    ranked = np.take_along_axis(answers, order, axis=1)
    hit = np.take_along_axis(right, order, axis=1) & (ranked != UNREAD)
    sorted_scores = np.take_along_axis(scores, order, axis=1)
    # Equal scores that stand for different answers: the share of subsets that only the samples' order decides.
    tied = (
        (sorted_scores[:, :-1] == sorted_scores[:, 1:]) & (ranked[:, :-1] != ranked[:, 1:]) & (ranked[:, 1:] != UNREAD)
    )
    both = _both_lead(total, n)
    return Choice(hit @ weights, tied @ both, (ranked == UNREAD) @ weights)


def _both_lead(total: int, n: int) -> Floats:
    """Share of subsets whose two best samples are those of rank r and r + 1, for each r."""
    if n < 2:
        return np.zeros(total - 1)
    return np.array([comb(total - 2 - rank, n - 2) / comb(total, n) for rank in range(total - 1)])


def pass_at(right: Booleans, n: int) -> Floats:
    """Per question the share of subsets of n that hold a right sample: 1 - C(N-c, n) / C(N, n), the unbiased estimate of
    pass@n (Chen et al., arXiv 2107.03374), which is also the score of an oracle."""
    total = right.shape[1]
    missing = np.array([comb(total - c, n) / comb(total, n) for c in range(total + 1)])
    return np.asarray(1.0 - missing[right.sum(axis=1)])
