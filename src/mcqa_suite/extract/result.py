"""The result of an extraction, and of one rule at one position."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mcqa_suite.extract.reasoning import blank_reasoning
from mcqa_suite.extract.text import View, clean_view, own_part, run_on_cuts, view_of, views

Status = Literal["answered", "conflict", "several", "refused", "truncated", "unclosed", "empty", "none"]
Answer = str | list[list[int]] | None


@dataclass(frozen=True)
class Extraction:
    """The answer of one response.

    `answer` is a label of the choices, a canonical decimal string such as "1080.5", a list of rows, or None where the response
    does not commit to one answer; `status` says why (docs/extraction.md explains each). `rule` names the pattern that was used,
    and `span` is the (start, end) of its match in the response. `other` is a number on the other scale that its writing
    allows, where it has one: "0.125" for "12.5 %", "42" for "42k". A gold number may be on either scale.
    """

    answer: Answer
    status: Status
    rule: str | None = None
    span: tuple[int, int] | None = None
    other: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Reading:
    """The result of one rule at one position of a view: an answer, or None and the reason in `status`."""

    answer: Answer
    status: Status
    rule: str
    start: int
    end: int
    other: str | None = None

    def extraction(self, view: View) -> Extraction:
        return Extraction(self.answer, self.status, self.rule, view.span(self.start, self.end), self.other)


Step = Callable[..., Reading | None]  # of a view, and of the options where there are any


def extract(response: str, read: Callable[[View], Extraction], make: Callable[[str], View] = clean_view) -> Extraction:
    """Read the views of a response without its reasoning; return the first result with an answer, else the first result."""
    if not response or response.isspace():
        return Extraction(None, "empty")
    visible, unclosed = blank_reasoning(response)
    if unclosed >= 0:
        return _in_reasoning(response, unclosed, read, make)
    if visible.isspace():
        return Extraction(None, "truncated")
    results = map(read, map(own_part, views(visible, make)))
    first = next(results)
    return first if first.answer is not None else next((other for other in results if other.answer is not None), first)


# The last line of reasoning that never closes, if it says that it is final: "Final Answer: H", "**Final answer**\n\\boxed{H}"
FINAL_LINE = re.compile(
    r"(?:^|\n)(?:[^\n]{0,80}(?:\bfinal answer(?= is\b|[^\w\s]| {0,3}\n)|\\boxed ?\{|<answer>)|####"
    r"|[^\w\n]{0,9}(?:answer(?=[^\w\n]{0,3}:)"
    r"|(?:最终|最終|正确|正確)?答案|(?:окончательный |итоговый )?ответ|(?:최종 )?정답))(?:[^\w\n]{0,9}\n\s{0,9})?[^\n]{0,200}\Z",
    re.IGNORECASE,
)
# "Final Answer: A. Hmm, wait, but": such a line with second thoughts
TAKEN_BACK = re.compile(r"\b(?:wait|hmm+|however|but|no|actually|let me|let's|not sure)\b")
LAST = 400  # characters at the end of reasoning in which that line is searched


def _in_reasoning(
    response: str, start: int, read: Callable[[View], Extraction], make: Callable[[str], View]
) -> Extraction:
    """The answer in the last line of reasoning that never closes and begins at `start`."""
    end = len(response.rstrip())
    start = max(start, end - LAST)
    line = FINAL_LINE.search(response[start:end])
    result = read(view_of(response, start + line.start(), end, make)) if line else None
    if result is None or result.answer is None or result.span is None:
        return Extraction(None, "unclosed")
    if TAKEN_BACK.search(response[result.span[1] : end].lower()):
        return Extraction(None, "unclosed")
    return replace(result, rule=f"{result.rule}_in_reasoning")


def first_reading(view: View, steps: Sequence[Step], head_steps: Sequence[Step], *options: object) -> Extraction | None:
    """The result of the first step that has one, first only up to the place where the model starts another question.

    `head_steps` are those for a part that may not be the end of the answer: the beginning of a very long response whose end
    gave no answer, or the text before "Problem:", which may be a heading of the answer itself.
    """
    cuts = [(view.cut(at), sure) for at, sure in run_on_cuts(view.low)]
    for part, is_whole in [*cuts, (view, view.ends)]:
        for step in steps if is_whole else head_steps:
            if (reading := step(part, *options)) and not part.touches_cut(reading.start, reading.end):
                return reading.extraction(part)
    return None
