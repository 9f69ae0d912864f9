"""Read the training logs of a ladder as curves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.common.errors import CheckpointError, DatasetError
from mcqa_suite.common.manifest import TRAINING_LOG, read_manifest
from mcqa_suite.logs.runs import Run


@dataclass(frozen=True)
class Curve:
    """The values of one metric of one rung, and the steps at which they were logged."""

    rung: str
    metric: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


def logs_of(runs: Iterable[Run]) -> dict[str, Path]:
    """The training log of each run that has one: for <folder>/evaluations/<rung> it is in <folder>/checkpoints/<rung>."""
    logs = {}
    for run in runs:
        folder = run.path.resolve()
        try:
            parent = read_manifest(run.path).parent
        except CheckpointError:
            parent = None
        rung = parent.name if parent else folder.name
        logs[run.name] = folder.parent.parent / "checkpoints" / rung / TRAINING_LOG
    return {name: path for name, path in logs.items() if path.is_file()}


def read_curves(logs: Mapping[str, Path]) -> tuple[list[Curve], list[str]]:
    """The curves of all logs that exist, and one error line for each log that cannot be read."""
    curves: list[Curve] = []
    errors: list[str] = []
    for rung, path in logs.items():
        try:
            curves += _curves(rung, path) if path.is_file() else []  # a quantised rung has no log
        except DatasetError as error:
            errors.append(str(error))
    return curves, errors


def _curves(rung: str, path: Path) -> list[Curve]:
    points: dict[str, dict[float, float]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); train the rung again") from error
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            step = float(entry["step"])
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}:{number}: not an object with a step; its curves are left out") from error
        for name, value in entry.items():
            if name != "step" and isinstance(value, (int, float)) and not isinstance(value, bool):
                points.setdefault(name, {})[step] = float(value)
    return [Curve(rung, name, tuple(sorted(at)), tuple(at[step] for step in sorted(at))) for name, at in points.items()]
