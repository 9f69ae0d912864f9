"""Test outputs in several augmented views, and the score of a vote over their answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from mcqa_suite.extract.result import Answer
from mcqa_suite.grids.augment import Augmentation, augmentations, augmented
from mcqa_suite.grids.encoders import DEFAULT, Grid, encoder
from mcqa_suite.grids.score import task_score
from mcqa_suite.grids.select import ATTEMPTS, by_votes
from mcqa_suite.grids.tasks import load_tasks, prompt


def load_views(release: int, split: str, views: int, form: str = DEFAULT, seed: int = 0) -> Iterator[dict[str, Any]]:
    """The documents of `load` in `views` views each: `output` is the right grid of the view, `original` that of the task."""
    encoding = encoder(form)
    for task in load_tasks(release, split):
        shown = [(view, augmented(task, view)) for view in augmentations(task, views, seed)]
        for index, pair in enumerate(task.test):
            for number, (view, turned) in enumerate(shown):
                yield {
                    "id": f"arc_agi_{release}/{task.id}/{index}#v{number}",
                    "task_id": task.id,
                    "output_id": f"{task.id}/{index}",
                    "text": prompt(turned.train, turned.test[index].input, encoding),
                    "output": turned.test[index].output,
                    "original": pair.output,
                    "encoder": form,
                    "view": json.dumps(asdict(view)),
                }


def view_of(text: str) -> Augmentation:
    """The view of a document, from its `view` column."""
    values = json.loads(text)
    order = values["order"]
    return Augmentation(values["symmetry"], tuple(values["colours"]), None if order is None else tuple(order))


class Seen(NamedTuple):
    """One view's answers to one output, with the view undone; None where an answer could not be read."""

    task_id: str
    output_id: str
    original: Grid
    answers: Sequence[Grid | None]


def seen(doc: dict[str, Any], answers: Iterable[Answer]) -> Seen:
    """Answers in a view as grids of the task itself."""
    view = view_of(doc["view"])
    back = [view.inverse(grid) if isinstance(grid, list) else None for grid in answers]
    return Seen(doc["task_id"], doc["output_id"], doc["original"], back)


def vote_score(items: Sequence[Seen]) -> float:
    """The official score of the best voted attempts: mean over tasks of the share of their outputs that are right."""
    answers: dict[str, list[Grid | None]] = {}
    originals = {item.output_id: (item.task_id, item.original) for item in items}
    for item in items:
        answers.setdefault(item.output_id, []).extend(item.answers)
    return task_score(
        (task, original in [candidate.grid for candidate in by_votes(answers[output])[:ATTEMPTS]])
        for output, (task, original) in originals.items()
    )
