"""Check before a ladder runs that all rows can be read, libraries are installed and task names are valid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mcqa_suite.common import extras
from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.manifest import Data
from mcqa_suite.ladder.evaluation import question_files
from mcqa_suite.ladder.recipe import Recipe, Stage
from mcqa_suite.ladder.stage_settings import read_rows

Row = dict[str, str]
EXTRAS = {"gptq": "gptq", "bnb": "bnb"}  # kind of stage -> the extra that it needs; other kinds need `train`


@dataclass(frozen=True)
class StageRows:
    """The training or calibration rows of stages with the same data, such as the points of a sweep."""

    stages: tuple[Stage, ...]
    rows: list[Row]
    data: tuple[Data, ...]


def stage_rows(recipe: Recipe) -> Iterator[StageRows]:
    """Read the rows of every stage, each data set once; McqaError names the stage whose source cannot be read."""
    groups: dict[str, list[Stage]] = {}
    for stage in recipe.stages:
        sources = [getattr(stage.settings, name, None) for name in ("data", "calibration", "rows")]
        groups.setdefault(repr(sources), []).append(stage)
    for stages in groups.values():
        try:
            rows, data = read_rows(stages[0].settings)
        except McqaError as error:
            raise type(error)(f"{recipe.path}: stage {stages[0].name}: {error}") from error
        yield StageRows(tuple(stages), rows, data)


def check_libraries(recipe: Recipe) -> None:
    """ConfigError where a stage or the evaluation needs an extra that is not installed."""
    extras.require(str(recipe.path), *dict.fromkeys(["eval", *(EXTRAS.get(s.kind, "train") for s in recipe.stages)]))


def check_tasks(recipe: Recipe) -> None:
    """ConfigError for an unknown task, DatasetError for a missing question file."""
    if not recipe.evaluate:
        return
    from mcqa_suite.harness.tasks import check_names, manager

    tasks = manager().all_tasks
    for number, entry in enumerate(recipe.evaluate):
        try:
            check_names(entry.tasks, tasks)
        except McqaError as error:
            raise type(error)(f"{recipe.path}: evaluate[{number}]: {error}") from error
    question_files(recipe.evaluate)
