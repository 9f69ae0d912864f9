"""`mcqa_arc_grid_*_describe` and `_apply`: one model describes a task's rule in words, another applies it without examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from mcqa_suite import grids
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.grids.tasks import apply_prompt, describe_prompt
from mcqa_suite.logs.rows import parse_rows
from mcqa_suite.logs.scoring import Doc


def load_describe(release: int, split: str, encoder: str = grids.DEFAULT, **_: Any) -> dict[str, Dataset]:
    """One document a task: its demonstrations."""
    form = grids.encoder(encoder)
    rows = [
        {"id": f"arc_agi_{release}/{task.id}", "task_id": task.id, "text": describe_prompt(task.train, form)}
        for task in grids.load_tasks(release, split)
    ]
    return {"test": Dataset.from_list(rows)}


def load_apply(
    release: int, split: str, rules: str | None = None, encoder: str = grids.DEFAULT, **_: Any
) -> dict[str, Dataset]:
    """One document a test output of the tasks that `rules`, the sample log of a `_describe` task, has a rule for."""
    if not rules:
        raise ConfigError(
            "metadata: no 'rules'; run the _describe task with --log_samples first, then give "
            '--metadata \'{"rules": "samples_mcqa_arc_grid_..._describe_....jsonl"}\''
        )
    path, form = Path(rules), grids.encoder(encoder)
    if not path.is_file():
        raise ConfigError(f"metadata: rules: {path}: no such file; give the sample log of a _describe task")
    written = dict(
        parse_rows(path, lambda sample: (str(sample.doc["task_id"]), str(sample.responses[0])), "a _describe task")
    )
    rows = [
        {
            "id": f"arc_agi_{release}/{task.id}/{index}",
            "task_id": task.id,
            "text": apply_prompt(written[task.id], pair.input, form),
            "output": pair.output,
            "encoder": encoder,
        }
        for task in grids.load_tasks(release, split)
        if task.id in written
        for index, pair in enumerate(task.test)
    ]
    if not rows:
        raise DatasetError(
            f"{rules}: has no rule for a task of ARC-AGI-{release} {split}; give the log of this set's _describe task"
        )
    return {"test": Dataset.from_list(rows)}


def described(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Whether the response has any text; the rule itself is scored by the _apply task."""
    return {"described": float(bool(str(results[0]).strip()))}


def no_target(doc: Doc) -> str:
    return ""
