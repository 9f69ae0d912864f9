"""What a tracker gets: a record of each model with its scores and settings, and one of their comparison."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.analysis.compare import Comparison
from mcqa_suite.common.foreign_text import one_line
from mcqa_suite.common.manifest import Manifest
from mcqa_suite.common.masking import MASK, SECRET_SETTING, masked
from mcqa_suite.logs.settings import NO_FILTER
from mcqa_suite.reporting.comparison_data import comparison_rows
from mcqa_suite.reporting.leaderboard import leaderboard_rows
from mcqa_suite.reporting.page_data import Page
from mcqa_suite.reporting.provenance import origin

COMPARISON = "comparison"
Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Record:
    """A run of a tracker. Texts are one line without secrets.

    `scalars` are named task/metric, with the filter behind them where a task has one; `by_step` are the values that a training
    logged. `rows` are the table of the comparison, `files` what is attached.
    """

    name: str
    config: Mapping[str, Cell] = field(default_factory=dict)
    scalars: Mapping[str, float] = field(default_factory=dict)
    by_step: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Cell]] = ()
    files: tuple[Path, ...] = ()


def records_of(
    page: Page | None,
    *,
    comparison: Comparison | None = None,
    manifests: Mapping[str, Manifest] | None = None,
    logs: Mapping[str, Path] | None = None,
    files: tuple[Path, ...] = (),
) -> list[Record]:
    """A record of each model of a report, and one with the comparison and `files`.

    `comparison` replaces that of the page. `manifests` and `logs` are those of the checkpoints of a ladder, by their names.
    """
    manifests, rows = manifests or {}, _score_rows(page)
    runs = {run.name: run for run in page.runs if run is not page.floor} if page else {}
    by_step = _by_step(logs or {})
    models = [
        Record(
            name=_text(name),
            config=_config(origin(runs[name]).facts if name in runs else {}, manifests.get(name)),
            scalars=dict(_scalars(row for row in rows if row["model"] == name)),
            by_step=by_step.get(name, {}),
        )
        for name in dict.fromkeys([*manifests, *runs])
    ]
    report = comparison or (page.report if page else None)
    compared = comparison_rows(report) if report else rows
    table = [{key: _cell(value) for key, value in row.items()} for row in compared]
    return [*models, *([Record(COMPARISON, rows=table, files=files)] if table or files else [])]


def _score_rows(page: Page | None) -> list[dict[str, Any]]:
    """A row for each model, task, metric and filter, those by which no model is judged included."""
    boards = [board for board in (page.board, page.more) if board] if page else []
    return [row for board in boards for row in leaderboard_rows(board)]


def _scalars(rows: Iterator[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    for row in rows:
        filtered = "" if row.get("filter", NO_FILTER) == NO_FILTER else f"/{row['filter']}"
        name = _text(f"{row['task']}/{row['metric']}{filtered}" if "metric" in row else row["task"])
        values = {name: row["value"], f"{name}/difference": row.get("difference"), f"{name}/bound": row.get("bound")}
        yield from ((key, float(value)) for key, value in values.items() if _is_number(value))


def _by_step(logs: Mapping[str, Path]) -> dict[str, dict[int, dict[str, float]]]:
    """The training curves of each model, by step."""
    from mcqa_suite.reporting.figures.training import read_curves

    steps: dict[str, dict[int, dict[str, float]]] = {}
    for curve in read_curves(logs)[0] if logs else ():
        own = steps.setdefault(curve.rung, {})
        for step, value in zip(curve.steps, curve.values, strict=True):
            if _is_number(value):
                own.setdefault(int(step), {})[f"train/{curve.metric}"] = value
    return {name: dict(sorted(own.items())) for name, own in steps.items()}


def _config(facts: Mapping[str, str], manifest: Manifest | None) -> dict[str, Cell]:
    """How a model was evaluated, and how it was made."""
    making: dict[str, Any] = {}
    if manifest:
        making = {
            "kind": manifest.kind,
            "seed": manifest.seed,
            "seconds": manifest.seconds,
            "content": manifest.content,
        }
        making |= {"parent": manifest.parent and manifest.parent.name, "settings": manifest.settings}
        making |= {"versions": manifest.versions, "hardware": manifest.hardware.gpu or manifest.hardware.cpu}
    return {_text(key): _cell(value) for key, value in _flat({**facts, **making}) if value is not None}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings under names such as settings.lora.r; a list as JSON."""
    for key, value in values.items():
        if SECRET_SETTING.fullmatch(str(key)):
            yield f"{prefix}{key}", MASK
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, Cell) else json.dumps(value, default=str)


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, Cell) else _text(json.dumps(value, default=str))


def _text(text: str) -> str:
    return one_line(masked(text))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
