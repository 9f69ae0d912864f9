"""What `mcqa audit DATA...` may name: JSONL files of rows, and YAML files of stages and recipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.config import read_yaml
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.stage_settings import SETTINGS, Settings, parse_settings, read_rows
from mcqa_suite.training_data.audit.rows import Row, read_training_rows, responses


@dataclass(frozen=True)
class Given:
    """The rows of all files, and what their recipes are evaluated on."""

    rows: tuple[Row, ...]
    tasks: tuple[str, ...] = ()
    metadata: tuple[tuple[str, Any], ...] = ()


def read_data(paths: Sequence[Path]) -> Given:
    """Everything that the files name; McqaError says which file cannot be used, and why."""
    parts = [_read(path) for path in paths]
    rows = tuple(row for part in parts for row in part.rows)
    if not rows:
        raise DatasetError(
            f"{', '.join(map(str, paths))}: no training row; name data, or a recipe whose stages have some"
        )
    tasks = dict.fromkeys(task for part in parts for task in part.tasks)
    return Given(rows, tuple(tasks), tuple(entry for part in parts for entry in part.metadata))


def _read(path: Path) -> Given:
    if path.suffix not in (".yaml", ".yml"):
        return Given(tuple(read_training_rows(path)))
    written = read_yaml(path)
    if "stages" in written:
        recipe = read_recipe(path)
        tasks = [task for evaluation in recipe.evaluate for task in evaluation.tasks]
        metadata = [entry for evaluation in recipe.evaluate for entry in (evaluation.metadata or {}).items()]
        return Given(_rows(stage.settings for stage in recipe.stages), tuple(tasks), tuple(metadata))
    return Given(_rows([_settings(path, written)]))


def _settings(path: Path, written: dict[str, Any]) -> Settings:
    """A stage's YAML does not name its kind: the first that knows all of its keys."""
    refused = {}
    for kind in SETTINGS:
        try:
            return parse_settings(kind, written, str(path), path.parent)
        except ConfigError as error:
            refused[kind] = error
    told = "; ".join(f"as {kind}: {str(error).removeprefix(f'{path}: ')}" for kind, error in refused.items())
    raise ConfigError(f"{path}: neither a recipe (no 'stages') nor the settings of a stage ({told})")


def _rows(stages: Iterable[Settings]) -> tuple[Row, ...]:
    """The rows of stages; one that several take, as calibration does what was trained on, counts once."""
    once: dict[tuple[str, ...], Row] = {}
    repeats = []
    for settings in stages:
        before = set(once)
        for row in read_rows(settings)[0]:
            key = (row["id"], row["prompt"], *responses(row))
            if key in once and key not in before:
                repeats.append(row)  # twice in one stage is a duplicate
            once.setdefault(key, row)
    return (*once.values(), *repeats)
