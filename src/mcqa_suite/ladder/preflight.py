"""What is looked at before anything runs: every row is read, every task is known, and no row is a question of a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mcqa_suite.common import extras
from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.manifest import Data
from mcqa_suite.ladder.evaluation import question_files
from mcqa_suite.ladder.recipe import Recipe, Stage
from mcqa_suite.ladder.stage_settings import read_rows

Row = dict[str, str]
EXTRAS = {"gptq": "gptq", "bnb": "bnb"}  # of a kind of stage; the others are trained by what `train` installs


@dataclass(frozen=True)
class Rows:
    """The rows of stages that take the same ones, as every point of a sweep over a setting does."""

    stages: tuple[Stage, ...]
    rows: list[Row]
    data: tuple[Data, ...]


def rows_of(recipe: Recipe) -> Iterator[Rows]:
    """The rows of every stage that takes some, one data set at a time; a source that cannot be read names the stage."""
    groups: dict[str, list[Stage]] = {}
    for stage in recipe.stages:
        groups.setdefault(_asked(stage.settings), []).append(stage)
    for stages in groups.values():
        try:
            rows, data = read_rows(stages[0].settings)
        except McqaError as error:
            raise type(error)(f"{recipe.path}: stage {stages[0].name}: {error}") from error
        yield Rows(tuple(stages), rows, data)


def _asked(settings: Any) -> str:
    """The rows that settings ask for; a stage without any asks for none."""
    return repr([getattr(settings, name, None) for name in ("data", "calibration", "rows")])


def check_libraries(recipe: Recipe) -> None:
    """ConfigError where a stage or the evaluation needs an extra that is not installed."""
    extras.require(str(recipe.path), *dict.fromkeys(["eval", *(EXTRAS.get(s.kind, "train") for s in recipe.stages)]))


def check_tasks(recipe: Recipe) -> None:
    """ConfigError for a task that is not known, DatasetError for a question file that is not there."""
    if not recipe.evaluate:
        return
    from mcqa_suite.harness.tasks import check_names, manager

    known = manager().all_tasks
    for number, entry in enumerate(recipe.evaluate):
        try:
            check_names(entry.tasks, known)
        except McqaError as error:
            raise type(error)(f"{recipe.path}: evaluate[{number}]: {error}") from error
    question_files(recipe.evaluate)
