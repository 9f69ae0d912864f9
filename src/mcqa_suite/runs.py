"""The only reader of what the harness writes: `results_*.json` with its `samples_*.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.errors import DatasetError

METRICS = ("acc", "acc_norm")


@dataclass(frozen=True)
class Sample:
    """One document's outcome. `key` is its doc, prompt and target hash: equal keys are the same question, asked the same way."""

    key: tuple[str, str, str]
    scores: dict[str, float]
    parsed: float | None
    options: int


@dataclass(frozen=True)
class TaskRun:
    """One task's samples under one filter."""

    task: str
    filter: str
    n_shot: int
    samples: tuple[Sample, ...]

    @property
    def metrics(self) -> list[str]:
        """The accuracies that it has, in the order of METRICS."""
        return [metric for metric in METRICS if metric in self.samples[0].scores]

    @property
    def chance(self) -> float | None:
        """Expected accuracy of a blind guess; None where an answer is not one of a few options."""
        shares = [1 / sample.options for sample in self.samples if sample.options]
        return sum(shares) / len(shares) if len(shares) == len(self.samples) else None

    @property
    def unread(self) -> float | None:
        """Share of generated answers in which no answer could be read; None for log-likelihood tasks."""
        parsed = [sample.parsed for sample in self.samples if sample.parsed is not None]
        return 1 - sum(parsed) / len(parsed) if parsed else None


def read_run(folder: Path) -> dict[str, TaskRun]:
    """Every task below `folder`, by name; where a task was run more than once, its newest run.

    Raises DatasetError for a folder without results, for results without samples and for a broken samples line.
    """
    files = sorted(folder.rglob("results_*.json"), key=lambda path: path.name)
    if not files:
        raise DatasetError(f"{folder}: no results_*.json below it; give what lm_eval wrote to --output_path")
    runs: dict[str, TaskRun] = {}
    for path in files:
        results = json.loads(path.read_text(encoding="utf-8"))
        stamp = path.stem.removeprefix("results_")
        for task in results["configs"]:
            samples = path.with_name(f"samples_{task}_{stamp}.jsonl")
            if not samples.exists():
                raise DatasetError(f"{path}: {samples.name} is missing; run lm_eval with --log_samples")
            rows = list(_rows(samples))
            name = str(rows[0]["filter"])
            runs[task] = TaskRun(task, name, int(results["n-shot"].get(task, 0)), tuple(_sample(r) for r in rows))
    return runs


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DatasetError(
                    f"{path}:{number}: broken line ({error}); was the run cut off? Run it again"
                ) from error


def _sample(row: dict[str, Any]) -> Sample:
    return Sample(
        key=(row["doc_hash"], row["prompt_hash"], row["target_hash"]),
        scores={metric: float(row[metric]) for metric in METRICS if metric in row},
        parsed=row.get("parsed"),
        options=len(row["doc"].get("choices") or ()),
    )
