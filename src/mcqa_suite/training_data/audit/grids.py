"""Keys of ARC tasks from the content of their grids; text format and augmentation do not change a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.questions.question import text_id

Cells = NDArray[np.int64]
SMALLEST = 16  # cells of input and output together; two smaller pairs may be equal by chance
# "1 0 2", "102", "1,0,2", "[1, 0, 2],", "| 1 | 0 |", and any of them behind a row's number ("3 102", "row 3: 1 0 2")
LINE = re.compile(
    r"^[ \t]*(?:(?:row )?\d{1,2}[ \t]*[:|][ \t]*)?([\[\](){},|\d \t]*\d[\[\](){},|\d \t]*)$", re.IGNORECASE
)
NUMBERED = re.compile(r"^\d{1,2} \d+$")
NESTED = re.compile(r"\[\s*\[[\d\s,]*\](?:\s*,\s*\[[\d\s,]*\])*\s*\]")
INNER = re.compile(r"\[([\d\s,]*)\]")


def grids_in(text: str) -> list[Cells]:
    """All grids in a text, in order: lists of lists if there are any, else blocks of lines with only cells."""
    if "[[" in text.replace(" ", "").replace("\n", ""):
        lists = [INNER.findall(match[0][1:-1]) for match in NESTED.finditer(text)]
        cells = [[re.findall(r"\d", line) for line in lines] for lines in lists]
    else:
        cells = [_cells(block) for block in _blocks(text)]
    return [np.array(rows).astype(np.int64) for rows in cells if rows and rows[0] and len(set(map(len, rows))) == 1]


def _blocks(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        if match := LINE.match(line):
            block.append(match[1].strip())
        elif block:
            yield block
            block = []


def _cells(lines: list[str]) -> list[list[str]]:
    """The cells of consecutive lines, without the numbers of the rows where every line has one."""
    numbered = all(NUMBERED.match(line) for line in lines)
    starts = [int(line.split()[0]) for line in lines] if numbered else []
    if numbered and starts in (list(range(len(lines))), list(range(1, len(lines) + 1))) and len(lines) > 1:
        lines = [line.split()[1] for line in lines]
    return [re.findall(r"\d", line) for line in lines]


def pair_keys(text: str) -> list[str]:
    """A key for each input with its output, equal under rotations, reflections and renamed colours.

    Grids are taken in pairs; a last single grid is a question without its answer and has no key.
    """
    grids = grids_in(text)
    pairs = zip(grids[::2], grids[1::2], strict=False)
    return [canonical(a, b) for a, b in pairs if a.size + b.size >= SMALLEST and (np.ptp(a) or np.ptp(b))]


def canonical(a: Cells, b: Cells) -> str:
    """A key of a pair of grids, the same for its eight symmetries and for renamed colours: the smallest of eight spellings."""
    mirrored = ((a, b), (a.T, b.T))
    return text_id(min(_spelling(np.rot90(x, turns), np.rot90(y, turns)) for x, y in mirrored for turns in range(4)))


def _spelling(a: Cells, b: Cells) -> str:
    cells = np.concatenate([a.ravel(), b.ravel()])
    colours, first = np.unique(cells, return_index=True)
    name = np.empty(int(colours[-1]) + 1, np.int64)
    name[colours[np.argsort(first)]] = np.arange(len(colours))  # numbered by first appearance
    return f"{a.shape}{b.shape}{name[cells].astype(np.uint8).tobytes().hex()}"
