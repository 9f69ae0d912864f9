"""What is audited: the rows of a recipe's stages, the questions of its evaluation, and the inputs of `mcqa audit`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.config import read_yaml
from mcqa_suite.common.errors import ConfigError, DatasetError, naming
from mcqa_suite.common.manifest import Data
from mcqa_suite.ladder.questions import LoadedTasks
from mcqa_suite.ladder.recipe import Recipe, Stage, read_recipe
from mcqa_suite.ladder.stage_settings import ENTRIES, SETTINGS, Settings, parse_settings, read_rows, read_validation
from mcqa_suite.training_data.audit.items import Item, items_of_task
from mcqa_suite.training_data.audit.rows import Row, read_training_rows, responses
from mcqa_suite.training_data.sources import is_source


@dataclass(frozen=True)
class StageRows:
    """The training or calibration rows of stages with the same data, such as the points of a sweep.

    `validation`: of the rows that they are measured on, which are not audited.
    """

    stages: tuple[Stage, ...]
    rows: list[dict[str, str]]
    data: tuple[Data, ...]
    validation: tuple[Data, ...] = ()


def stage_rows(recipe: Recipe) -> Iterator[StageRows]:
    """Read the rows of every stage, each data set once; McqaError names the stage whose source cannot be read."""
    groups: dict[str, list[Stage]] = {}
    for stage in recipe.stages:
        sources = [getattr(stage.settings, name, None) for name in (*ENTRIES, "rows")]
        groups.setdefault(repr(sources), []).append(stage)
    for stages in groups.values():
        with naming(f"{recipe.path}: stage {stages[0].name}"):
            rows, data = read_rows(stages[0].settings)
            _, validation = read_validation(stages[0].settings)
        yield StageRows(tuple(stages), rows, data, validation)


def evaluation_items(loaded: LoadedTasks) -> list[Item]:
    """The documents of all evaluated tasks, each once."""
    items = (item for tasks in loaded.entries.values() for task in tasks for item in items_of_task(task))
    return list({(item.task, item.doc_hash): item for item in items}.values())


@dataclass(frozen=True)
class AuditData:
    """The rows of all files, and the evaluated tasks of their recipes with their metadata."""

    rows: tuple[Row, ...]
    tasks: tuple[str, ...] = ()
    metadata: tuple[tuple[str, Any], ...] = ()


def read_data(paths: Sequence[Path]) -> AuditData:
    """Read the rows and tasks of all files; McqaError names a file that cannot be used."""
    parts = [_read(path) for path in paths]
    rows = tuple(row for part in parts for row in part.rows)
    if not rows:
        raise DatasetError(
            f"{', '.join(map(str, paths))}: no training rows; give data, or a recipe whose stages have data"
        )
    tasks = dict.fromkeys(task for part in parts for task in part.tasks)
    return AuditData(rows, tuple(tasks), tuple(entry for part in parts for entry in part.metadata))


def _read(path: Path) -> AuditData:
    if path.suffix not in (".yaml", ".yml"):
        return AuditData(tuple(read_training_rows(path)))
    content = read_yaml(path)
    if "stages" in content:
        recipe = read_recipe(path)
        tasks = [task for evaluation in recipe.evaluate for task in evaluation.tasks]
        metadata = [entry for evaluation in recipe.evaluate for entry in (evaluation.metadata or {}).items()]
        return AuditData(_rows(stage.settings for stage in recipe.stages), tuple(tasks), tuple(metadata))
    return AuditData(_rows([_settings(path, content)]))


def _settings(path: Path, content: dict[str, Any]) -> Settings:
    """Parse the settings as the first kind that accepts them, because a stage's YAML does not name its kind.

    A kind that has the sources of their names goes before one that has not: the same keys may name pairs or completions.
    """
    errors, accepted = {}, []
    for kind in SETTINGS:
        try:
            accepted.append(parse_settings(kind, content, str(path), path.parent))
        except ConfigError as error:
            errors[kind] = str(error).removeprefix(f"{path}: ")
    if accepted:
        return next(filter(_has_sources, accepted), accepted[0])
    reasons = "; ".join(f"as {kind}: {error}" for kind, error in errors.items())
    raise ConfigError(f"{path}: neither a recipe (no 'stages') nor the settings of a stage ({reasons})")


def _has_sources(settings: Settings) -> bool:
    return all(is_source(entry) for name in ENTRIES for entry in getattr(settings, name, None) or ())


def _rows(stages: Iterable[Settings]) -> tuple[Row, ...]:
    """The rows of all stages without rows that an earlier stage has; duplicates inside one stage stay."""
    rows: list[Row] = []
    keys: set[tuple[str, ...]] = set()
    for settings in stages:
        keyed = [((row["id"], row["prompt"], *responses(row)), row) for row in read_rows(settings)[0]]
        rows += [row for key, row in keyed if key not in keys]
        keys |= {key for key, _ in keyed}
    return tuple(rows)
