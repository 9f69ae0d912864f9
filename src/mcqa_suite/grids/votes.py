"""Rank the grids that all views answered, score them, and write the best two of each test input as an ARC Prize submission."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mcqa_suite.extract.result import Answer
from mcqa_suite.grids.encoders import Grid

ATTEMPT_KEYS = ("attempt_1", "attempt_2")
ATTEMPTS = len(ATTEMPT_KEYS)
EMPTY: Grid = [[0]]  # the file needs a grid where nothing was answered

Submission = dict[str, list[dict[str, Grid]]]


@dataclass(frozen=True)
class Candidate:
    """A grid and the number of answers that are this grid; `loglikelihood` is their mean, None where unknown."""

    grid: Grid
    votes: int
    loglikelihood: float | None = None


def by_votes(grids: Sequence[Grid | None], loglikelihoods: Sequence[float] | None = None) -> list[Candidate]:
    """Candidates from most to fewest votes; ties go to the higher mean log-likelihood, then to the first that came.

    None is an answer that could not be read, and has no vote.
    """
    voters: dict[str, list[int]] = {}
    for index, grid in enumerate(grids):
        if grid is not None:
            voters.setdefault(json.dumps(grid), []).append(index)
    candidates = [
        Candidate(
            json.loads(key),
            len(votes),
            None if loglikelihoods is None else fmean(loglikelihoods[index] for index in votes),
        )
        for key, votes in voters.items()
    ]
    return sorted(candidates, key=lambda candidate: (-candidate.votes, -(candidate.loglikelihood or 0.0)))


def by_loglikelihood(candidates: Sequence[Candidate], totals: Mapping[str, float]) -> list[Candidate]:
    """Candidates from highest to lowest log-likelihood summed over all views; `totals` has the sums by `json.dumps(grid)`."""
    return sorted(candidates, key=lambda candidate: -totals[json.dumps(candidate.grid)])


def submission(answers: Mapping[str, Sequence[Sequence[Grid]]]) -> Submission:
    """The file that ARC Prize takes: an entry for each test input of each task, from up to two grids each."""
    return {
        task: [dict(zip(ATTEMPT_KEYS, [*map(list, grids[:2]), EMPTY, EMPTY], strict=False)) for grids in outputs]
        for task, outputs in answers.items()
    }


@dataclass(frozen=True)
class GridScore:
    """`cells`: share of cells that are right, 0 where the shape is wrong."""

    exact: bool
    shape: bool
    cells: float


NOTHING = GridScore(False, False, 0.0)


def score(answer: Answer, output: Grid) -> GridScore:
    """Compare an answer with the right output; an answer that is not a grid scores 0."""
    if not isinstance(answer, list) or len(answer) != len(output) or len(answer[0]) != len(output[0]):
        return NOTHING
    pairs = [(a, b) for row, right in zip(answer, output, strict=True) for a, b in zip(row, right, strict=True)]
    return GridScore(answer == output, True, sum(a == b for a, b in pairs) / len(pairs))


def task_score(items: Iterable[tuple[str, float]]) -> float:
    """The official ARC score of (task, right or not) pairs: the mean over tasks of the share of right outputs."""
    tasks: dict[str, list[float]] = {}
    for task, right in items:
        tasks.setdefault(task, []).append(right)
    return sum(sum(rights) / len(rights) for rights in tasks.values()) / len(tasks)
