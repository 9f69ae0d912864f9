"""What the text around a grid makes of it: the answer, the input of the question, an example, or an aside."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mcqa_suite.extract.denial import NOT_BEFORE, denied
from mcqa_suite.extract.grid_lines import Cells
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View

REACH = 120  # characters before a grid in which an announcement is searched
NEAR = 80  # characters between the heading of an example and its input
_SIZE = r"(?: \(?\d{1,2} ?(?:x|×|by) ?\d{1,2}\)?)?"
_NAME = r"(?: (?:grid|matrix|image|rows?|\d))?"
# "Test input:", "The input rows are:", "For comparison, the input was:", "Original grid (3x3):" before a grid of the question
INPUT_LABEL = re.compile(
    rf"(?:(?:^|\W)(?:(?:test )?inputs?|eingabe|entrada|entrée|(?:original|initial|starting|given)(?= (?:grid|matrix|image)))"
    rf"|(?:^|\n)\W{{0,6}}(?:before|original|initial)){_NAME}{_SIZE}(?: (?:is|are|was|were))?(?: as follows)?\W{{0,4}}$"
    r"|(?:输入|入力)(?:网格|矩阵|图)?\W{0,4}$"
)
# "Output for the test input:", "For test input 2:" before one that is not
OF_INPUT = re.compile(
    r"\b(?:output|answer|solution|result|prediction)s?(?: grids?| matrix)? (?:for|of|from|to|on)\b[^.:\n]{0,40}$"
    r"|\b(?:transformed|modified|updated|resulting|final|new) (?:test )?$|(?:^|[\n.]) {0,2}\W{0,4}for (?:the )?$"
)
_OUTPUT = (
    r"(?:\b(?:outputs?|answer|solution|result(?:ing)?|predict(?:ed|ion)|final|transformed (?:grid|matrix)|corrected"
    r"|ausgabe|salida|sortie|saída)\b|输出|出力|答案|ответ)"
)
# "Output:" and "```json"
ANNOUNCED = re.compile(rf"{_OUTPUT}[^.\n]{{0,60}}\n?[^\w\n]{{0,20}}(?:\w{{1,8}}\n)?\s{{0,4}}$")
# "The pattern:", "kernel = ", "Row sums:", "The first rows are:"
ASIDE = re.compile(
    r"\b(?:pattern|kernel|shape|tile|template|mask|motif|subgrid|block|(?:first|last|top|bottom) rows?|sums?|counts?|colou?rs?"
    r"|legend|changes?|difference)\b[^.\n]{0,40}$"
)
# "... [[1, 0], [0, 1]] is on the right": a list in the middle of a sentence
BEFORE_IN_SENTENCE = re.compile(r"[a-z][^\n:=]{0,40}$")
IN_SENTENCE = re.compile(r"[)'`\"]{0,2},? {1,3}[a-z]{2,}")
# "In example 1, [[1]] becomes [[2]]", "The changed cells are at [[0, 1], [1, 2]]": lists that are not the output
EXAMPLE = re.compile(
    r"\b(?:examples?|train(?:ing)?(?: pair| example)?|pair) ?#?\d{1,2}\b(?![^\n]*\btest\b)[^\n]{0,200}$"
)
POSITIONS = re.compile(r"\b(?:coordinates?|positions?|cells?|locations?|points?|indices|pixels?)\b[^.\n]{0,60}$")
# "Example 1:", "Training pair 2", "Check with example 1:": the headings of a part that repeats an example
EXAMPLE_HEADING = re.compile(r"\b(?:example|pair|demonstration|train(?:ing)?) ?#?\d{1,2}\b[^.\n]{0,20}\n")
NOT_OF_EXAMPLE = re.compile(r"\b(?:test|final|answer|solution|predict(?:ed|ion))\b")

Role = Literal["answer", "announced", "aside", "question"]


@dataclass(frozen=True)
class Candidate:
    """A grid of a response, and the text before it; `in_sentence` is for a list in the middle of a sentence."""

    reading: Reading
    rows: Sequence[Cells]
    before: str
    in_sentence: bool = False

    @property
    def is_column(self) -> bool:
        return len(self.rows) > 1 and all(len(row) == 1 for row in self.rows)

    @property
    def is_announced(self) -> bool:
        return bool(ANNOUNCED.search(self.before))


def last_answer(view: View, candidates: Sequence[Candidate]) -> Reading | None:
    """The reading of the last grid that is an answer.

    An aside counts only where no other grid does, and so does a part of an announced grid behind it.
    """
    latest: Candidate | None = None
    roles = _roles(view, candidates)
    for candidate, role in zip(reversed(candidates), reversed(roles), strict=True):
        if role == "question":
            continue
        if latest is None:
            latest, latest_role = candidate, role
            if role == "announced":
                break
            continue
        is_answer = role == "announced" or latest.in_sentence or latest.is_column
        is_whole = role == "announced" and _is_part(latest.rows, candidate.rows)
        if is_whole or (latest_role == "aside" and is_answer):
            return candidate.reading
        if role != "aside":
            break
    return latest.reading if latest else None


def _roles(view: View, candidates: Sequence[Candidate]) -> list[Role]:
    headings = list(EXAMPLE_HEADING.finditer(view.low))
    starts = [heading.start() for heading in headings]
    firsts = [candidate.reading.start for candidate in candidates]
    roles: list[Role] = []
    for index, candidate in enumerate(candidates):
        heading = bisect_left(starts, candidate.reading.start) - 1
        first = bisect_left(firsts, starts[heading]) if heading >= 0 else -2
        if heading >= 0 and _is_example(view, headings[heading], candidates[first : index + 1]):
            roles.append("question")
        else:
            roles.append(_role(candidate))
    return roles


def _is_example(view: View, heading: re.Match[str], pair: Sequence[Candidate]) -> bool:
    """Whether the last of the grids below "Example 1:" is its input or its output."""
    last = pair[-1]
    if len(pair) > 2 or NOT_OF_EXAMPLE.search(last.before):
        return False
    between = view.low[heading.end() - 1 : pair[0].reading.start]
    return between.isspace() or (len(pair) == 2 and len(between) < NEAR and repeats_input(pair[0].before))


def _role(candidate: Candidate) -> Role:
    if is_not_the_answer(candidate.before):
        return "question"
    if candidate.is_announced:
        return "announced"
    aside = candidate.in_sentence or candidate.is_column or ASIDE.search(candidate.before)
    return "aside" if aside else "answer"


def is_not_the_answer(before: str) -> bool:
    """Whether a grid repeats the question's input or is denied: "The output is not [[1, 2]]"."""
    plain = before.rstrip(" :>\n")
    return repeats_input(before) or bool(NOT_BEFORE.search(plain + " ")) or denied(plain, len(plain))


def repeats_input(before: str) -> bool:
    """Whether the text before a grid announces the input of the question."""
    label = INPUT_LABEL.search(before, max(0, len(before) - 60))
    return label is not None and not OF_INPUT.search(before[: label.start() + 1])


def _is_part(part: Sequence[Cells], whole: Sequence[Cells]) -> bool:
    """Whether the rows are a smaller rectangle inside `whole`."""
    if not part or not part[0] or (len(part), len(part[0])) == (len(whole), len(whole[0]) if whole else 0):
        return False
    height, width = len(part), len(part[0])
    return any(
        all(list(row) == list(whole[top + down][left : left + width]) for down, row in enumerate(part))
        for top in range(len(whole) - height + 1)
        for left in range(max(0, len(whole[top]) - width + 1))
    )
