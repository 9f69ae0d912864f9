"""The file that ARC Prize takes: `{task: [{"attempt_1": grid, "attempt_2": grid}, ...]}`, an entry a test input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.grids.encoders import Grid

ATTEMPTS = ("attempt_1", "attempt_2")
EMPTY: Grid = [[0]]  # what a file has to hold where nothing was answered
MOST_SIDE = 30

Submission = dict[str, list[dict[str, Grid]]]


def submission(answers: Mapping[str, Sequence[Sequence[Grid]]]) -> Submission:
    """By task, for each of its test inputs in order, up to two grids; the file's form, gaps filled with a grid of one cell."""
    return {
        task: [dict(zip(ATTEMPTS, [*map(list, given[:2]), EMPTY, EMPTY], strict=False)) for given in outputs]
        for task, outputs in answers.items()
    }


def read_submission(path: Path) -> Submission:
    """A file of that form; DatasetError names the task and what is wrong with it.

    The testing kit's own files, one task each, are read too: a list of `{"attempt_1": {"answer": grid}}`; an attempt that was
    not made is the grid of one cell.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not a submission ({error}); expected JSON") from error
    tasks = {path.stem: content} if isinstance(content, list) else content
    if not isinstance(tasks, dict) or not tasks:
        raise DatasetError(f"{path}: not a submission; expected tasks with a list of attempts each")
    for task, entries in tasks.items():
        if not isinstance(entries, list):
            raise DatasetError(f"{path}: task {task}: {type(entries).__name__}, expected a list of attempts")
    return {str(task): [_attempts(path, task, entry) for entry in entries] for task, entries in tasks.items()}


def _attempts(path: Path, task: Any, entry: Any) -> dict[str, Grid]:
    if not isinstance(entry, dict) or ATTEMPTS[0] not in entry:
        raise DatasetError(f"{path}: task {task}: an output without attempt_1")
    found = {}
    for name in ATTEMPTS:
        value = entry.get(name)
        grid = value.get("answer") if isinstance(value, dict) else value
        if value is None or grid is None or grid == []:
            grid = EMPTY
        if not _is_grid(grid):
            raise DatasetError(
                f"{path}: task {task}: {name} is no grid of 1 to {MOST_SIDE} rows of equal length of 0 to 9"
            )
        found[name] = grid
    return found


def _is_grid(grid: Any) -> bool:
    if not isinstance(grid, list) or not 1 <= len(grid) <= MOST_SIDE or not isinstance(grid[0], list):
        return False
    width = len(grid[0])
    rows = all(isinstance(row, list) and len(row) == width for row in grid)
    return 1 <= width <= MOST_SIDE and rows and all(type(c) is int and 0 <= c <= 9 for row in grid for c in row)


def write_submission(path: Path, content: Submission) -> None:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
