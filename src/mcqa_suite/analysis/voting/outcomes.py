"""Accuracy by strategy and number of samples, and the questions on which a strategy missed a right answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcqa_suite.analysis.voting.ballots import Ballots
from mcqa_suite.analysis.voting.strategies import (
    UNREAD,
    Choice,
    Floats,
    Integers,
    best_of,
    majority,
    majority_sample,
    order_by_score,
    pass_at,
)
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.stats import Estimate, mean_estimate

SINGLE, MAJORITY, ORACLE = "one sample", "majority", "oracle (pass@n)"


@dataclass(frozen=True)
class Outcome:
    """A strategy's accuracy at n samples, a mean over questions of a mean over subsets; `ties` and `unread` are shares."""

    run: str
    strategy: str
    n: int
    accuracy: Estimate
    ties: float = 0.0
    unread: float = 0.0


@dataclass(frozen=True, eq=False)
class Pick:
    """The sample that a strategy picks from all: its index for each question, UNREAD where none could be read."""

    strategy: str
    sample: Integers


def outcomes(ballots: Ballots, ns: Sequence[int], scores: Mapping[str, Floats], seed: int = 0) -> list[Outcome]:
    """Every strategy at every n; `scores` names the best-of-n strategies. ConfigError where an n has too few samples."""
    if too_many := [n for n in ns if not 1 <= n <= ballots.samples]:
        most = ballots.samples
        raise ConfigError(f"--n {too_many[0]}: {ballots.name} has {most} samples a question; give 1 to {most}")
    results = [Outcome(ballots.name, SINGLE, 1, *_share(_single(ballots)))]
    for n in ns:
        results.append(Outcome(ballots.name, MAJORITY, n, *_share(majority(ballots.answers, ballots.right, n, seed))))
        for name, table in scores.items():
            chosen = best_of(ballots.answers, ballots.right, table, n)
            results.append(Outcome(ballots.name, name, n, *_share(chosen)))
        results.append(Outcome(ballots.name, ORACLE, n, mean_estimate(pass_at(ballots.right, n))))
    return results


def _single(ballots: Ballots) -> Choice:
    right = ballots.right.mean(axis=1)
    return Choice(right, np.zeros(len(right)), (ballots.answers == UNREAD).mean(axis=1))


def _share(choice: Choice) -> tuple[Estimate, float, float]:
    return mean_estimate(choice.accuracy), float(choice.ties.mean()), float(choice.unread.mean())


def picks(ballots: Ballots, scores: Mapping[str, Floats]) -> list[Pick]:
    """The sample that each strategy picks from all samples of a question."""
    chosen = [Pick(MAJORITY, np.array([majority_sample(row) for row in ballots.answers.tolist()]))]
    for name, table in scores.items():
        best = order_by_score(ballots.answers, table)[:, 0]
        chosen.append(Pick(name, np.where(_answer_of(ballots.answers, best) == UNREAD, UNREAD, best)))
    return chosen


def _answer_of(answers: Integers, sample: Integers) -> Integers:
    return np.asarray(answers[np.arange(len(answers)), sample])


def missed(ballots: Ballots, pick: Pick) -> Integers:
    """Questions with a right sample that the strategy did not pick."""
    has_right = ballots.right.any(axis=1)
    hit = (pick.sample != UNREAD) & ballots.right[np.arange(len(ballots.ids)), np.maximum(pick.sample, 0)]
    return np.flatnonzero(has_right & ~hit)
