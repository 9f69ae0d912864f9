"""Read the answers of an ARC sample log, undo the augmentation of each view, rank the grids by votes, and score them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcqa_suite import grids
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.extract.result import Answer
from mcqa_suite.grids import Augmentation, Candidate, Grid
from mcqa_suite.logs.log_row import Columns, check_grid, log_row
from mcqa_suite.logs.rows import Sample, parse_rows

MOST_OUTPUTS = 100  # that a task of ARC may have; the public ones have four at most
Outputs = dict[str, dict[int, list[Candidate]]]  # by task and test input


@dataclass(frozen=True)
class GridAnswers:
    """A row of a log: the answers to one test output of a task in one view, with the view undone."""

    task_id: str
    index: int
    view: Augmentation
    form: str
    context: str
    output: Grid
    answers: tuple[Grid | None, ...]


def read_answers(path: Path) -> list[GridAnswers]:
    """The rows of a `samples_mcqa_arc_grid_*.jsonl`; DatasetError for a row of another task."""
    rows = list(parse_rows(path, _answered, "mcqa_arc_grid_*"))
    if not rows:
        raise DatasetError(f"{path}: holds no sample; run the task again with --log_samples")
    return rows


def _answered(sample: Sample) -> GridAnswers:
    doc = sample.doc
    view = grids.view_of(doc["view"]) if doc.get("view") else Augmentation()
    extractions = log_row(sample.row, Columns("grids")).extractions
    _, task_id, index = str(doc["id"]).partition("#")[0].split("/")
    if not 0 <= int(index) < MOST_OUTPUTS:
        raise ValueError(f"id {doc['id']!r} has output {index}, expected 0 to {MOST_OUTPUTS - 1}")
    output = doc["original"] if doc.get("view") else doc["output"]
    check_grid(output)
    return GridAnswers(
        task_id=task_id,
        index=int(index),
        view=view,
        form=str(doc.get("encoder") or grids.DEFAULT),
        context=sample.context,
        output=output,
        answers=tuple(view.undo(extraction.answer for extraction in extractions)),
    )


def ranked(rows: list[GridAnswers]) -> Outputs:
    """The answers to each test input, most votes first."""
    answers: dict[str, dict[int, list[Grid | None]]] = {}
    for row in rows:
        answers.setdefault(row.task_id, {}).setdefault(row.index, []).extend(row.answers)
    return {
        task: {index: grids.by_votes(votes) for index, votes in sorted(outputs.items())}
        for task, outputs in answers.items()
    }


@dataclass(frozen=True)
class GridReport:
    """Shares over test outputs; `task_score` is the mean over tasks of the share of their outputs that are right."""

    outputs: int
    task_score: float
    exact: float
    shape: float
    cells: float
    unread: float


def judge(rows: list[GridAnswers], candidates: Outputs) -> GridReport:
    """Score the best two candidates of every output; `unread` is the share of outputs to which no view gave a grid."""
    outputs = {(row.task_id, row.index): row.output for row in rows}
    exact_by_task: list[tuple[str, float]] = []
    scores = []
    unread = 0
    for (task, index), output in outputs.items():
        attempts: list[Answer] = [candidate.grid for candidate in candidates[task][index][: grids.ATTEMPTS]]
        unread += not attempts
        attempt_scores = [grids.score(grid, output) for grid in attempts or [None]]
        scores.append([max(getattr(score, name) for score in attempt_scores) for name in ("exact", "shape", "cells")])
        exact_by_task.append((task, scores[-1][0]))
    exact, shape, cells = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    return GridReport(len(outputs), grids.task_score(exact_by_task), exact, shape, cells, unread / len(outputs))
