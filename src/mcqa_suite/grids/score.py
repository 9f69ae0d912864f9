"""Scores of a grid against the right output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcqa_suite.extract.result import Answer
from mcqa_suite.grids.encoders import Grid


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
