"""What a run answered to ARC tasks: the grids of each output, best first, turned back where they were seen in a view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite import grids
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.grids import Augmentation, Candidate, Grid
from mcqa_suite.logs.files import numbered_rows
from mcqa_suite.logs.log_row import Columns, recorded_row


@dataclass(frozen=True)
class Answered:
    """One row of a log: a test output of a task in one view (the task as it is where the log has no views)."""

    task_id: str
    index: int
    view: Augmentation
    form: str
    context: str
    output: Grid
    answers: tuple[Grid | None, ...]


def read_answers(path: Path) -> list[Answered]:
    """The rows of a `samples_mcqa_arc_grid_*.jsonl`; DatasetError for a row of another task."""
    found = list(_answered(path))
    if not found:
        raise DatasetError(f"{path}: holds no sample; run the task again with --log_samples")
    return found


def _answered(path: Path) -> Iterator[Answered]:
    for number, row in numbered_rows(path):
        try:
            yield _row(row)
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}:{number}: not a sample of mcqa_arc_grid_* ({error})") from error


def _row(row: dict[str, Any]) -> Answered:
    recorded = recorded_row(row, Columns("grids"))
    doc = row["doc"]
    view = grids.view_of(doc["view"]) if doc.get("view") else Augmentation()
    _, task_id, place = str(doc["id"]).partition("#")[0].split("/")
    arguments = row.get("arguments")
    return Answered(
        task_id=task_id,
        index=int(place),
        view=view,
        form=str(doc.get("encoder") or grids.DEFAULT),
        context=str(arguments["gen_args_0"]["arg_0"]) if isinstance(arguments, dict) else "",
        output=doc["original"] if doc.get("view") else doc["output"],
        answers=tuple(None if read["answer"] is None else view.inverse(read["answer"]) for read in recorded.reads),
    )


def ranked(rows: list[Answered]) -> dict[str, dict[int, list[Candidate]]]:
    """By task and test input, what was answered, most votes first."""
    gathered: dict[str, dict[int, list[Grid | None]]] = {}
    for row in rows:
        gathered.setdefault(row.task_id, {}).setdefault(row.index, []).extend(row.answers)
    return {
        task: {index: grids.by_votes(found) for index, found in sorted(outputs.items())}
        for task, outputs in gathered.items()
    }


@dataclass(frozen=True)
class GridReport:
    """Shares over test outputs, but `task_score`, the mean over tasks of the share of their outputs that are right."""

    outputs: int
    task_score: float
    exact: float
    shape: float
    cells: float
    unread: float


def judge(rows: list[Answered], chosen: dict[str, dict[int, list[Candidate]]]) -> GridReport:
    """The best two candidates of every output against the right one; `unread` counts outputs without any grid."""
    outputs = {(row.task_id, row.index): row.output for row in rows}
    by_task = []
    scores = []
    unread = 0
    for (task, index), output in outputs.items():
        attempts = [candidate.grid for candidate in chosen[task][index][: grids.ATTEMPTS]]
        unread += not attempts
        found = [grids.score(grid, output) for grid in attempts] or [grids.score(None, output)]
        scores.append(
            (max(one.exact for one in found), max(one.shape for one in found), max(one.cells for one in found))
        )
        by_task.append((task, scores[-1][0]))
    exact, shape, cells = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    return GridReport(len(outputs), grids.task_score(by_task), exact, shape, cells, unread / len(outputs))
