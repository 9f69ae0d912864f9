"""Augmented views of an ARC task under which its rule still holds, each with an exact inverse for the output grids.

A view rotates and mirrors every grid (one of the eight symmetries of a square), permutes its colours, and shows the
demonstrations in another order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mcqa_suite.common.json_text import loads
from mcqa_suite.extract.result import Answer
from mcqa_suite.grids.encoders import DEFAULT, Grid, encoder
from mcqa_suite.grids.tasks import Pair, Task, load_tasks, prompt

COLOURS = tuple(range(10))
# The eight symmetries: (quarter turns, whether the grid is mirrored first).
DIHEDRAL = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))


@dataclass(frozen=True)
class Augmentation:
    """A view: the index of its symmetry in DIHEDRAL, the new colour `colours[c]` of each colour c, and the order of the
    demonstrations as indices (None: unchanged)."""

    symmetry: int = 0
    colours: tuple[int, ...] = COLOURS
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.symmetry < len(DIHEDRAL) or tuple(sorted(self.colours)) != COLOURS:
            raise ValueError(f"invalid augmentation: symmetry {self.symmetry}, colours {self.colours}")

    def forward(self, grid: Grid) -> Grid:
        turns, mirrored = DIHEDRAL[self.symmetry]
        cells = np.array(self.colours)[np.array(grid)]
        turned: Grid = np.rot90(cells[:, ::-1] if mirrored else cells, -turns).tolist()
        return turned

    def inverse(self, grid: Grid) -> Grid:
        turns, mirrored = DIHEDRAL[self.symmetry]
        cells = np.rot90(np.argsort(self.colours)[np.array(grid)], turns)
        turned: Grid = (cells[:, ::-1] if mirrored else cells).tolist()
        return turned

    def undo(self, answers: Iterable[Answer]) -> list[Grid | None]:
        """Answers in this view as grids of the task itself; None for an answer that could not be read."""
        return [self.inverse(answer) if isinstance(answer, list) else None for answer in answers]


def augmented(task: Task, view: Augmentation) -> Task:
    """The task in a view; `view.inverse` undoes the view of an output."""

    def turn(pair: Pair) -> Pair:
        return Pair(view.forward(pair.input), view.forward(pair.output))

    order = range(len(task.train)) if view.order is None else view.order
    return replace(task, train=tuple(turn(task.train[index]) for index in order), test=tuple(map(turn, task.test)))


def augmentations(task: Task, views: int, seed: int = 0, keep_background: bool = True) -> list[Augmentation]:
    """`views` views: first the task itself, then the symmetries in turn with colours and order drawn by seed and task.

    `keep_background`: colour 0, which most rules treat as empty, keeps its name.
    """
    draw = random.Random(f"{seed}:{task.id}")  # noqa: S311
    background = COLOURS[:1] if keep_background else ()
    result = [Augmentation()]
    while len(result) < views:
        names = list(COLOURS[len(background) :])
        draw.shuffle(names)
        order = list(range(len(task.train)))
        draw.shuffle(order)
        result.append(Augmentation(len(result) % len(DIHEDRAL), (*background, *names), tuple(order)))
    return result[:views]


def swapped(task: Task) -> Iterator[Task]:
    """The task with each demonstration in turn as its test pair, and the test pair as a demonstration."""
    for index in range(len(task.train)):
        shown = (*task.train[:index], *task.train[index + 1 :], *task.test)
        yield Task(f"{task.id}/swap{index}", shown, (task.train[index],))


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
    values = loads(text)
    order = values["order"]
    return Augmentation(values["symmetry"], tuple(values["colours"]), None if order is None else tuple(order))
