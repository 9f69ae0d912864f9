"""Find the grids in the text of a grid question, for the sample browser.

A grid is written as its rows with a slash between them, "012/345". The page makes from it a table, and the text that the
model saw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.extract.grids import MOST_SIDE
from mcqa_suite.grids import DEFAULT, Encoder, encoder

# "Input 3:" and the lines below it, up to the next label or an empty line
LABELLED = re.compile(r"^(?:Input|Output)(?: \d+)?:\n((?:(?!(?:Input|Output)\b).+(?:\n|\Z))+)", re.MULTILINE)


def compact(value: Any) -> str | None:
    """A grid of digits as "012/345"; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        return None
    width = len(value[0]) if value else 0
    if not (0 < width <= MOST_SIDE and 0 < len(value) <= MOST_SIDE):
        return None
    if any(len(row) != width or any(type(cell) is not int or not 0 <= cell <= 9 for cell in row) for row in value):
        return None
    return "/".join("".join(map(str, row)) for row in value)


def cells(grid: str) -> list[list[int]]:
    """The rows of a grid that `compact` wrote."""
    return [[int(cell) for cell in row] for row in grid.split("/")]


def form_of(doc: Mapping[str, Any]) -> Encoder | None:
    """The encoder that wrote the grids in a document's text; None where the text has no grid."""
    if "task_id" not in doc or not isinstance(doc.get("text"), str):
        return None
    try:
        form = encoder(str(doc.get("encoder") or DEFAULT))
    except ConfigError:
        return None
    return form if compact(doc.get("output")) or labelled_grids(doc["text"], form) else None


def labelled_grids(text: str, form: Encoder) -> list[tuple[int, int, str]]:
    """(start, end, grid) of every labelled grid in the text that the encoder can read."""
    grids = []
    for match in LABELLED.finditer(text):
        start, end = match.span(1)
        end -= text[start:end].endswith("\n")
        try:
            grid = compact(form.decode(text[start:end]))
        except (ValueError, RecursionError):
            continue
        if grid:
            grids.append((start, end, grid))
    return grids
