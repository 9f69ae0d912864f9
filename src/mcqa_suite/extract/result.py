"""What a reader returns: the answer, how it was found, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["answered", "conflict", "several", "refused", "truncated", "empty", "none"]
Answer = str | list[list[int]] | None


@dataclass(frozen=True)
class Extraction:
    """One response, read.

    `answer` is a label of the choices, a canonical decimal string such as "1080.5", a list of rows, or None when the
    response commits to no single answer; `status` says why. `rule` names the pattern that decided, and `span` is its
    (start, end) in the response, so that every decision can be shown to a reader.
    """

    answer: Answer
    status: Status
    rule: str | None = None
    span: tuple[int, int] | None = None


EMPTY = Extraction(None, "empty")


def first_answer(readings: Iterable[Extraction]) -> Extraction:
    """The first reading with an answer, or else the first of them; readings after it are not made."""
    first: Extraction | None = None
    for reading in readings:
        if reading.answer is not None:
            return reading
        first = first or reading
    return first or EMPTY
