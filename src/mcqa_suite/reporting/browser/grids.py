"""Grid questions in the sample browser: grids in short, from which a script draws pictures and writes the text again.

A grid is its rows with a stroke between them, "012/345", in a piece of text of its own: {"g": "012/345"}. Its text in the form
in which the model saw it is not stored beside it.
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
COLUMNS = {"task_id", "text"}  # of our grid documents


def compact(value: Any) -> str | None:
    """A grid of digits as "012/345"; None for whatever is none."""
    if not isinstance(value, list) or not all(isinstance(row, list) for row in value):
        return None
    width = len(value[0]) if value else 0
    if not (0 < width <= MOST_SIDE and 0 < len(value) <= MOST_SIDE):
        return None
    if any(len(row) != width or any(type(cell) is not int or not 0 <= cell <= 9 for cell in row) for row in value):
        return None
    return "/".join("".join(map(str, row)) for row in value)


def cells(short: str) -> list[list[int]]:
    """The grid that `compact` wrote."""
    return [[int(cell) for cell in row] for row in short.split("/")]


def form_of(doc: Mapping[str, Any]) -> Encoder | None:
    """The form in which a document shows grids; None for a document that shows none."""
    if not doc.keys() >= COLUMNS or not isinstance(doc["text"], str):
        return None
    try:
        form = encoder(str(doc.get("encoder") or DEFAULT))
    except ConfigError:
        return None
    shows = compact(doc.get("output")) or any(short for _, _, short in found(doc["text"], form))
    return form if shows else None


def found(text: str, form: Encoder) -> list[tuple[int, int, str]]:
    """(start, end, grid in short) of every labelled grid that a form wrote; text that it cannot have written stays text."""
    grids = []
    for match in LABELLED.finditer(text):
        start, end = match.span(1)
        end -= text[start:end].endswith("\n")
        try:
            short = compact(form.decode(text[start:end]))
        except (ValueError, RecursionError):
            continue
        if short:
            grids.append((start, end, short))
    return grids
