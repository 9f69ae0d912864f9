"""Other views of an ARC task under which its rule still holds, each with an exact inverse for the grids that it yields.

A view turns and mirrors every grid (one of the eight symmetries of a square), renames its colours, and shows the
demonstrations in another order. `swap` and `leave_one_out` make other tasks of a task, for training.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcqa_suite.grids.encoders import Grid
from mcqa_suite.grids.tasks import Pair, Task

COLOURS = tuple(range(10))
# The eight symmetries: k quarter turns, after a mirroring where there is one.
DIHEDRAL = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))


@dataclass(frozen=True)
class Augmentation:
    """`symmetry` is a place in DIHEDRAL, `colours[c]` the new name of colour c, `order` that of the demonstrations, None
    for as they are."""

    symmetry: int = 0
    colours: tuple[int, ...] = COLOURS
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.symmetry < len(DIHEDRAL) or tuple(sorted(self.colours)) != COLOURS:
            raise ValueError(f"no augmentation: symmetry {self.symmetry}, colours {self.colours}")

    def forward(self, grid: Grid) -> Grid:
        turns, mirrored = DIHEDRAL[self.symmetry]
        turned = _turned(_mirrored(grid) if mirrored else grid, turns)
        return [[self.colours[cell] for cell in row] for row in turned]

    def inverse(self, grid: Grid) -> Grid:
        turns, mirrored = DIHEDRAL[self.symmetry]
        names = {new: old for old, new in enumerate(self.colours)}
        turned = _turned([[names[cell] for cell in row] for row in grid], -turns % 4)
        return _mirrored(turned) if mirrored else turned


def _mirrored(grid: Grid) -> Grid:
    return [row[::-1] for row in grid]


def _turned(grid: Grid, turns: int) -> Grid:
    """The grid after so many quarter turns to the right."""
    for _ in range(turns):
        grid = [list(row) for row in zip(*grid[::-1], strict=True)]
    return [list(row) for row in grid]


def augmented(task: Task, view: Augmentation) -> Task:
    """The task as a view shows it; its outputs come back through `view.inverse`."""

    def turn(pair: Pair) -> Pair:
        return Pair(view.forward(pair.input), view.forward(pair.output))

    order = range(len(task.train)) if view.order is None else view.order
    return replace(
        task, train=tuple(turn(task.train[place]) for place in order), test=tuple(turn(pair) for pair in task.test)
    )


def augmentations(task: Task, views: int, seed: int = 0, keep_background: bool = True) -> list[Augmentation]:
    """So many views, the first as the task is; symmetries come in turn, colours and order by task and seed.

    `keep_background`: colour 0 keeps its name, which most rules treat as empty.
    """
    draw = random.Random(f"{seed}:{task.id}")  # noqa: S311
    found = [Augmentation()]
    while len(found) < views:
        kept = COLOURS[:1] if keep_background else ()
        names = list(COLOURS[len(kept) :])
        draw.shuffle(names)
        order = list(range(len(task.train)))
        draw.shuffle(order)
        found.append(Augmentation(len(found) % len(DIHEDRAL), (*kept, *names), tuple(order)))
    return found[:views]


def swapped(task: Task) -> Iterator[Task]:
    """The task with each demonstration in turn in the place of its test pair, which becomes a demonstration."""
    for place in range(len(task.train)):
        shown = (*task.train[:place], *task.train[place + 1 :], *task.test)
        yield Task(f"{task.id}/swap{place}", shown, (task.train[place],))


def leave_one_out(task: Task) -> Iterator[Task]:
    """Each demonstration in turn asked for, shown the others: what a model can be trained on without the test pair."""
    for place in range(len(task.train)):
        shown = (*task.train[:place], *task.train[place + 1 :])
        if shown:
            yield Task(f"{task.id}/without{place}", shown, (task.train[place],))
