"""Write a grid as text and read it back. The name of a form lists its parts, cells first: `plain+rows+shape+code`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.extract import Extraction, extract_grid

Grid = list[list[int]]
Lines = list[str]

# Rows of digits separated by spaces: the form of `mcqa_arc_grid` since its first version.
DEFAULT = "spaced"


@dataclass(frozen=True)
class Part:
    """One step of a form and its exact inverse, which raises ValueError for lines that the step did not write."""

    to: Callable[[Lines], Lines]
    back: Callable[[Lines], Lines]


def _split(lines: Lines, separator: str) -> Grid:
    return [[int(cell) for cell in (line.split(separator) if separator else line)] for line in lines]


# The separator between the cells of a row.
CELLS: dict[str, str] = {"spaced": " ", "plain": "", "separator": "|"}


def _number(lines: Lines) -> Lines:
    return [f"{number} {line}" for number, line in enumerate(lines, start=1)]


def _unnumber(lines: Lines) -> Lines:
    pairs = [line.partition(" ") for line in lines]
    if [head for head, _, _ in pairs] != [str(number) for number in range(1, len(lines) + 1)]:
        raise ValueError("rows are not numbered from 1")
    return [line for _, _, line in pairs]


def _unfence(lines: Lines) -> Lines:
    if len(lines) < 3 or lines[0] != "```grid" or lines[-1] != "```":
        raise ValueError("not a code block of a grid")
    return lines[1:-1]


def _unshape(lines: Lines) -> Lines:
    if not lines or not re.fullmatch(r"shape: \d+x\d+", lines[0]):
        raise ValueError("the first line is not a shape")
    return lines[1:]


# Applied to the rows in the order of their names; `Encoder.encode` adds the line of `shape`, which needs the grid.
FRAMES: dict[str, Part] = {
    "rows": Part(_number, _unnumber),
    "shape": Part(lambda lines: lines, _unshape),
    "code": Part(lambda lines: ["```grid", *lines, "```"], _unfence),
}


@dataclass(frozen=True)
class Encoder:
    """`encode` and `decode` are exact inverses; `decode` raises ValueError for text that `encode` does not write."""

    name: str
    cells: str
    frames: tuple[str, ...]

    def encode(self, grid: Grid) -> str:
        if self.cells == "json":
            lines = [json.dumps(grid)]
        else:
            separator = CELLS[self.cells]
            lines = [separator.join(str(cell) for cell in row) for row in grid]
        for frame in self.frames:
            lines = [f"shape: {len(grid)}x{len(grid[0])}", *lines] if frame == "shape" else FRAMES[frame].to(lines)
        return "\n".join(lines)

    def decode(self, text: str) -> Grid:
        lines = text.split("\n")
        for frame in reversed(self.frames):
            lines = FRAMES[frame].back(lines)
        grid = json.loads("\n".join(lines)) if self.cells == "json" else _split(lines, CELLS[self.cells])
        if self.encode(grid) != text:
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
