"""Augmented views of an ARC task under which its rule still holds, each with an exact inverse for the output grids.

A view rotates and mirrors every grid (one of the eight symmetries of a square), permutes its colours, and shows the
demonstrations in another order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcqa_suite.grids.encoders import Grid
from mcqa_suite.grids.tasks import Pair, Task

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
    """The grid after `turns` quarter turns to the right."""
    for _ in range(turns):
        grid = [list(row) for row in zip(*grid[::-1], strict=True)]
    return [list(row) for row in grid]


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
