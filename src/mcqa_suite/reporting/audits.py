"""What the rows of a ladder's stages share with its evaluation: audits/<stage>.json, and the check of the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import parse_json
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.files import inside, read_bytes, write_file
from mcqa_suite.common.manifest import Data, read_manifest
from mcqa_suite.logs.runs import Run

Cell = tuple[str, str]  # a state and a text, as in `provenance`
CLEAN: Cell = ("good", "none")


@dataclass(frozen=True)
class StageAudit:
    """The audit of the rows of `data`: `items` counts the questions of each task that they hold, of `documents`.

    `leaks` is the stage's rule for them (drop, stop or allow), `left_out` are the numbers of the rows that it left out.
    """

    stage: str
    leaks: str
    data: tuple[Data, ...]
    left_out: tuple[int, ...]
    items: dict[str, int]
    documents: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(source.n for source in self.data)


def audit_path(folder: Path, stage: str) -> Path:
    """The file of a stage's audit in a run folder; the report for people is the .md beside it."""
    return inside(folder / "audits", f"{stage}.json")


def write_audit(folder: Path, audit: StageAudit) -> None:
    write_file(audit_path(folder, audit.stage), json.dumps(asdict(audit), ensure_ascii=False) + "\n")


def read_audit(folder: Path, stage: str) -> StageAudit | None:
    """The recorded audit of a stage; None where there is none that can be read."""
    path = audit_path(folder, stage)
    try:
        return parse_json(StageAudit, read_bytes(path), str(path))
    except (OSError, ConfigError):
        return None


def audits_of(run: Run) -> list[StageAudit]:
    """The audits of the stages that made what <folder>/evaluations/<rung> evaluates, the last one first."""
    folder = run.path.resolve().parent.parent
    audits = (read_audit(folder, stage) for stage in _lineage(run.path, folder))
    return [audit for audit in audits if audit]


def _lineage(evaluation: Path, folder: Path) -> Iterator[str]:
    seen, path = set[str](), evaluation
    while True:
        try:
            parent = read_manifest(path).parent
        except CheckpointError:
            return
        if parent is None or parent.name in seen:
            return
        yield parent.name
        seen.add(parent.name)
        path = inside(folder / "checkpoints", parent.name)


@dataclass(frozen=True)
class LeakTable:
    """The stages with their rows and rule, and for each task how many of its questions the rows of each stage hold."""

    stages: tuple[str, ...]
    tasks: dict[str, tuple[Cell, ...]]

    @property
    def clean(self) -> dict[str, tuple[Cell, ...]]:
        """The tasks that were audited in every stage, and have a question in none."""
        return {task: cells for task, cells in self.tasks.items() if all(cell == CLEAN for cell in cells)}

    @property
    def others(self) -> dict[str, tuple[Cell, ...]]:
        return {task: cells for task, cells in self.tasks.items() if task not in self.clean}


def leak_table(runs: Iterable[Run]) -> LeakTable | None:
    """The audits of all stages that made some runs; None where none is recorded."""
    audits = {audit.stage: audit for run in runs for audit in reversed(audits_of(run))}
    if not audits:
        return None
    stages = tuple(f"{audit.stage}: {_outcome(audit)} (rule: {audit.leaks})" for audit in audits.values())
    names = dict.fromkeys(task for audit in audits.values() for task in audit.documents)
    return LeakTable(stages, {task: tuple(_task_cell(audit, task) for audit in audits.values()) for task in names})


def _task_cell(audit: StageAudit, task: str) -> Cell:
    if task not in audit.documents:
        return "unknown", "not audited"
    n = audit.items.get(task, 0)
    if not n:
        return CLEAN
    text = f"{n:,} of {audit.documents[task]:,} questions"
    return ("bad", f"{text}, allowed") if audit.leaks == "allow" else ("good", f"{text}, their rows dropped")


def leak_cell(audits: list[StageAudit]) -> Cell:
    """The check that a run saw no question of its evaluation; it fails where a stage was allowed to."""
    allowed = any(audit.leaks == "allow" and audit.items for audit in audits)
    text = "; ".join(f"{audit.stage}: {_outcome(audit)}" for audit in audits)
    return ("bad" if allowed else "good", text) if text else ("unknown", "not recorded")


def _outcome(audit: StageAudit) -> str:
    if audit.left_out:
        return f"{len(audit.left_out):,} of {audit.rows:,} rows left out"
    if audit.items:
        return f"{audit.rows:,} rows hold {sum(audit.items.values()):,} questions, allowed"
    return f"none in {audit.rows:,} rows"
