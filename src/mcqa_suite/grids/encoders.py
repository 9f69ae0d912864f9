"""Write a grid as text and read it back. The name of a form lists its parts, cells first: `plain+rows+shape+code`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.extract import Extraction, extract_grid

Grid = list[list[int]]

# Rows of digits separated by spaces: the form of `mcqa_arc_grid` since its first version.
DEFAULT = "spaced"
# The separator between the cells of a row.
CELLS = {"spaced": " ", "plain": "", "separator": "|"}
FRAMES = ("rows", "shape", "code")


@dataclass(frozen=True)
class Encoder:
    """`encode` and `decode` are exact inverses; `decode` raises ValueError for text that `encode` does not write."""

    name: str
    cells: str
    frames: tuple[str, ...]

    def encode(self, grid: Grid) -> str:
        lines = [json.dumps(grid)] if self.cells == "json" else [CELLS[self.cells].join(map(str, row)) for row in grid]
        for frame in self.frames:
            if frame == "rows":
                lines = [f"{number} {line}" for number, line in enumerate(lines, start=1)]
            elif frame == "shape":
                lines = [f"shape: {len(grid)}x{len(grid[0])}", *lines]
            else:
                lines = ["```grid", *lines, "```"]
        return "\n".join(lines)

    def decode(self, text: str) -> Grid:
        lines = text.split("\n")
        for frame in reversed(self.frames):
            if frame == "rows":
                lines = [line.partition(" ")[2] for line in lines]
            else:
                lines = lines[1:] if frame == "shape" else lines[1:-1]
        if self.cells == "json":
            grid = json.loads("\n".join(lines))
        else:
            separator = CELLS[self.cells]
            grid = [[int(cell) for cell in (line.split(separator) if separator else line)] for line in lines]
        rows = isinstance(grid, list) and bool(grid) and all(isinstance(row, list) for row in grid)
        if not rows or self.encode(grid) != text:
            raise ValueError(f"not a grid in the form {self.name}")
        return list(grid)


def encoder(name: str) -> Encoder:
    """The form of a name such as `plain+rows+shape+code`; ConfigError for an unknown part."""
    cells, *frames = name.split("+")
    if cells not in (*CELLS, "json"):
        raise ConfigError(f"encoder {name!r}: starts with {cells!r}; expected one of {', '.join((*CELLS, 'json'))}")
    for frame in frames:
        if frame not in FRAMES:
            raise ConfigError(f"encoder {name!r}: unknown part {frame!r}; expected one of {', '.join(FRAMES)}")
        if frames.count(frame) > 1:
            raise ConfigError(f"encoder {name!r}: {frame!r} comes twice; name it once")
    if "rows" in frames and (cells == "json" or frames[0] != "rows"):
        raise ConfigError(f"encoder {name!r}: 'rows' must be the first part after the cells, and json has no rows")
    return Encoder(name, cells, tuple(frames))


NUMBERED = re.compile(r"^ {0,4}(\d{1,2}) (?=[\d|])")


def read(response: str, form: Encoder) -> Extraction:
    """The last grid of a response. Row numbers are replaced by blanks first, or they would be read as a column of cells."""
    return extract_grid(_without_numbers(response) if "rows" in form.frames else response)


def _without_numbers(text: str) -> str:
    """Replace row numbers by blanks, where two or more lines are numbered from 1."""
    lines = text.split("\n")
    start, expected = 0, 1  # the first line of the run, and the number of its next line
    for index, line in enumerate([*lines, ""]):
        match = NUMBERED.match(line)
        number = int(match[1]) if match else 0
        if match and number == expected:
            start, expected = (index, 2) if expected == 1 else (start, expected + 1)
            continue
        if expected > 1:
            lines[start:index] = [NUMBERED.sub(lambda label: " " * label.end(), row) for row in lines[start:index]]
        start, expected = (index, 2) if number == 1 else (index, 1)
    return "\n".join(lines)
