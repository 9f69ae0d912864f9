"""The file that ARC Prize takes: `{task: [{"attempt_1": grid, "attempt_2": grid}, ...]}`, an entry a test input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcqa_suite.grids.encoders import Grid

ATTEMPTS = ("attempt_1", "attempt_2")
EMPTY: Grid = [[0]]  # the file needs a grid where nothing was answered

Submission = dict[str, list[dict[str, Grid]]]


def submission(answers: Mapping[str, Sequence[Sequence[Grid]]]) -> Submission:
    """The content of the file, from up to two grids for each test input of each task."""
    return {
        task: [dict(zip(ATTEMPTS, [*map(list, grids[:2]), EMPTY, EMPTY], strict=False)) for grids in outputs]
        for task, outputs in answers.items()
    }
