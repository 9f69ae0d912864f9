"""The result of an extraction, and of one rule at one position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from mcqa_suite.extract.reasoning import blank_reasoning
from mcqa_suite.extract.text import View, clean_view, views

Status = Literal["answered", "conflict", "several", "refused", "truncated", "empty", "none"]
Answer = str | list[list[int]] | None
T = TypeVar("T")


@dataclass(frozen=True)
class Extraction:
    """The answer of one response.

    `answer` is a label of the choices, a canonical decimal string such as "1080.5", a list of rows, or None where the response
    does not commit to one answer; `status` says why. `rule` names the pattern that was used, and `span` is the (start, end) of
    its match in the response.
    """

    answer: Answer
    status: Status
    rule: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Reading(Generic[T]):
    """The result of one rule at one position: a value, or None and the reason in `status`."""

    value: T | None
    status: Status
    rule: str
    start: int
    end: int

    def extraction(self, view: View, answer: Answer) -> Extraction:
        return Extraction(answer, self.status, self.rule, view.span(self.start, self.end))


def extract(response: str, read: Callable[[View], Extraction], make: Callable[[str], View] = clean_view) -> Extraction:
    """Read the views of a response without its reasoning; return the first result with an answer, else the first result."""
    if not response or response.isspace():
        return Extraction(None, "empty")
    visible = blank_reasoning(response)
    if visible is None or not visible.strip():
        return Extraction(None, "truncated")
    first: Extraction | None = None
    for view in views(visible, make):
        reading = read(view)
        if reading.answer is not None:
            return reading
        first = first or reading
    return first or Extraction(None, "empty")
