"""What the evaluations of a recipe read, loaded once before anything runs: for the audit, and to see what changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcqa_suite.common.errors import DatasetError, McqaError
from mcqa_suite.common.manifest import Data, TaskData
from mcqa_suite.harness.fingerprint import fingerprints, metric_models
from mcqa_suite.harness.tasks import load_leaves
from mcqa_suite.ladder.recipe import Recipe


@dataclass(frozen=True)
class Questions:
    """The fingerprints of all tasks, and of the models that their metrics use (`models`)."""

    tasks: tuple[TaskData, ...]
    models: tuple[Data, ...]


@dataclass(frozen=True)
class LoadedTasks:
    """The tasks of each entry of the plan by its number, and a line for each optional entry whose data cannot be loaded."""

    entries: Mapping[int, list[Any]]
    missing: tuple[str, ...]


def load_tasks(recipe: Recipe) -> LoadedTasks:
    """Load the data of all tasks; McqaError for an unknown task, and for data that cannot be loaded and is not optional."""
    entries, missing = dict[int, list[Any]](), []
    for number, entry in enumerate(recipe.evaluate):
        try:
            with _without_warnings():
                entries[number] = load_leaves(entry.tasks, entry.metadata)
        except McqaError as error:
            if not (entry.optional and isinstance(error, DatasetError)):
                raise type(error)(f"{recipe.path}: evaluate[{number}]: {error}") from error
            missing.append(str(error))
    return LoadedTasks(entries, tuple(missing))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hide the harness's warnings in the block; it has one for every task with a custom data set."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def questions_of(recipe: Recipe, loaded: LoadedTasks) -> Questions:
    plan = recipe.evaluate
    tasks = [
        task
        for number, leaves in loaded.entries.items()
        for task in fingerprints(number, plan[number].tasks, leaves, plan[number].num_fewshot)
    ]
    return Questions(tuple(tasks), metric_models(leaf for leaves in loaded.entries.values() for leaf in leaves))
