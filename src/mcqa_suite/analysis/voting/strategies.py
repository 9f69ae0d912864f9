"""Strategies that turn N samples of a question into one answer, and their expected result with n < N samples.

Shapes: Q questions, N samples of each; `scores` (Q x N) rank samples. `Ballots` describes `answers` and `right`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from mcqa_suite.analysis.voting.ballots import Ballots
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.logs.samples import Booleans, Floats, Integers
from mcqa_suite.logs.votes import UNREAD
from mcqa_suite.stats import Estimate, share_estimate

SUBSETS = 128  # number of subsets of n samples that are drawn where there are more
SINGLE, MAJORITY, ORACLE = "one sample", "majority", "oracle (pass@n)"


@dataclass(frozen=True, eq=False)
class Choice:
    """The result of a strategy with n samples. Per question, the share of subsets in which its answer is right
    (`accuracy`), in which several answers share the first place (`ties`), and in which no sample could be read (`unread`)."""

    accuracy: Floats
    ties: Floats | float = 0.0
    unread: Floats | float = 0.0


@dataclass(frozen=True)
class Outcome:
    """A strategy's accuracy at n samples, a mean over questions of a mean over subsets; `ties` and `unread` are shares."""

    run: str
    strategy: str
    n: int
    accuracy: Estimate
    ties: float
    unread: float


def outcomes(ballots: Ballots, ns: Sequence[int], scores: Mapping[str, Floats], seed: int = 0) -> list[Outcome]:
    """Every strategy at every n; `scores` names the best-of-n strategies. ConfigError where an n has too few samples."""
    answers, right = ballots.answers, ballots.right
    if too_many := [n for n in ns if not 1 <= n <= ballots.samples]:
        most = ballots.samples
        raise ConfigError(f"--n {too_many[0]}: {ballots.name} has {most} samples a question; give 1 to {most}")
    choices = [(SINGLE, 1, Choice(right.mean(axis=1), unread=(answers == UNREAD).mean(axis=1)))]
    for n in ns:
        choices.append((MAJORITY, n, majority(answers, right, n, seed)))
        choices += [(name, n, best_of(answers, right, table, n)) for name, table in scores.items()]
        choices.append((ORACLE, n, Choice(pass_at(right, n))))
    clusters = ballots.clusters
    return [
        Outcome(
            ballots.name,
            name,
            n,
            share_estimate(choice.accuracy, clusters),
            float(np.mean(choice.ties)),
            float(np.mean(choice.unread)),
        )
        for name, n, choice in choices
    ]


def subsets(total: int, n: int, seed: int = 0) -> Integers:
    """Subsets of n of `total` samples, a row each, in the order of the samples: all of them, or SUBSETS drawn by `seed`."""
    if not 1 <= n <= total:
        raise ValueError(f"subsets of {n} from {total} samples")
    if comb(total, n) <= SUBSETS:
        return np.array(list(combinations(range(total), n)), dtype=np.int64)
    drawn = np.random.default_rng((seed, total, n)).permuted(np.tile(np.arange(total), (SUBSETS, 1)), axis=1)
    return np.sort(drawn[:, :n], axis=1)


def votes(answers: Integers) -> Integers:
    """How many samples of its row gave the answer of each sample; 0 for an unread one.

    The first largest number is the majority's: among equally frequent answers, the one that was sampled first wins.
    """
    counts = np.count_nonzero(answers[..., :, None] == answers[..., None, :], axis=-1)
    return np.where(answers == UNREAD, 0, counts)


def majority(answers: Integers, right: Booleans, n: int, seed: int = 0) -> Choice:
    """The most frequent answer; among equally frequent ones, the one that was sampled first. Unread samples do not vote."""
    groups = subsets(answers.shape[1], n, seed)
    return Choice(*np.mean([_majority(answers[:, group], right[:, group]) for group in groups], axis=0))


def _majority(answers: Integers, right: Booleans) -> list[Booleans]:
    """For each question: is the answer of most samples right, do several share the first place, was none read."""
    counts = votes(answers)
    most, first = counts.max(axis=1, keepdims=True), counts.argmax(axis=1)[:, None]
    tied = (counts == most) & (answers != np.take_along_axis(answers, first, axis=1))
    return [np.take_along_axis(right, first, axis=1)[:, 0], tied.any(axis=1), most[:, 0] == 0]


def order_by_score(answers: Integers, scores: Floats) -> Integers:
    """Indices of the samples from best to worst (Q x N): read ones first, then by score, then by index."""
    return np.asarray(np.lexsort((-scores, answers == UNREAD), axis=1))


def best_of(answers: Integers, right: Booleans, scores: Floats, n: int) -> Choice:
    """The sample with the highest score among n, exactly over all subsets: the sample of rank r (from 0) is picked in
    C(N-1-r, n-1) of C(N, n) of them. An unread sample is picked only where all are unread."""
    order = order_by_score(answers, scores)
    total = answers.shape[1]
    first = np.array([comb(total - 1 - rank, n - 1) for rank in range(total)]) / comb(total, n)
    ranked, ordered = np.take_along_axis(answers, order, axis=1), np.take_along_axis(scores, order, axis=1)
    # Equal scores that stand for different answers: the share of subsets that only the samples' order decides, because
    # the samples of rank r and r + 1 are their best two.
    tied = (ordered[:, :-1] == ordered[:, 1:]) & (ranked[:, :-1] != ranked[:, 1:]) & (ranked[:, 1:] != UNREAD)
    both = np.array([comb(total - 2 - rank, n - 2) if n > 1 else 0 for rank in range(total - 1)]) / comb(total, n)
    return Choice(np.take_along_axis(right, order, axis=1) @ first, tied @ both, (ranked == UNREAD) @ first)


def pass_at(right: Booleans, n: int) -> Floats:
    """Per question the share of subsets of n that hold a right sample: 1 - C(N-c, n) / C(N, n), the unbiased estimate of
    pass@n (Chen et al., arXiv 2107.03374), which is also the score of an oracle."""
    total = right.shape[1]
    missing = np.array([comb(total - c, n) / comb(total, n) for c in range(total + 1)])
    return np.asarray(1.0 - missing[right.sum(axis=1)])


def picks(ballots: Ballots, scores: Mapping[str, Floats]) -> dict[str, Integers]:
    """By strategy, the index of the sample that it picks from all samples of each question; UNREAD where none was read."""
    best = {MAJORITY: votes(ballots.answers).argmax(axis=1)}
    best |= {name: order_by_score(ballots.answers, table)[:, 0] for name, table in scores.items()}
    unread = (ballots.answers == UNREAD).all(axis=1)
    return {name: np.where(unread, UNREAD, sample) for name, sample in best.items()}


def missed(ballots: Ballots, picked: Integers) -> Integers:
    """Questions with a right sample that the strategy did not pick."""
    return np.flatnonzero(ballots.right.any(axis=1) & ~ballots.right[np.arange(len(picked)), picked])
