"""Extract the last grid of colours 0-9 from a response."""

from __future__ import annotations

import re
from dataclasses import replace

from mcqa_suite.extract.denial import NOT_BEFORE, denied
from mcqa_suite.extract.endings import ends_as_sentence
from mcqa_suite.extract.result import Extraction, Reading, extract
from mcqa_suite.extract.text import View, last_matches

MOST_SIDE = 30  # rows or columns of an ARC grid
Rows = list[list[int]]

# "[[1,0,2], [0,3,0]]": brackets, digits and separators
RUN = re.compile(r"[\[\]\d\s,.'-]*")
NESTED_OPEN = re.compile(r"\[ {0,9}\n? {0,9}\[(?=[^\[]|$)")
NESTED_CLOSE = re.compile(r"\][\s,]{0,40}\]")
INNER_ROW = re.compile(r"\[([^\[\]]*)\]")
# "1 0 2", "1,0,2", "| 1 | 0 | 2 |", "[1, 0, 2],": a line of cells; "|---|---|" separates a table's head from its body
ROW_LINE = re.compile(r"[ |\[({,]{0,8}-?\d[\d.]*(?:[ ,|\t]{1,8}-?\d[\d.]*){0,120}[ |\])},;]{0,8}$", re.ASCII)
ROW_LABEL = re.compile(r"(?:row|line) ?\d{1,2} ?[:=-] ", re.IGNORECASE)  # "Row 1: 1 0 2"
TABLE_RULE = re.compile(r"[ |:-]{3,400}$")
CELL = re.compile(r"-?\d[\d.]*", re.ASCII)
# "Test input:" before a grid that repeats the question
INPUT_LABEL = re.compile(r"(?:^|\W)(?:test )?input(?: grid| \d)?\W{0,3}$")
REACH = 120  # characters before a grid, or at the end of a response, in which an announcement is searched
_OUTPUT = r"(?:output|answer|solution|result|transformed grid|predicted grid)"
ANNOUNCED = re.compile(
    rf"\b{_OUTPUT}\b[^.\n]{{0,60}}\n?[^\w\n]{{0,20}}(?:\w{{1,8}}\n)?\s{{0,4}}$"
)  # "Output:" and "```json"
# "The output grid is:", "Row 3:", "[": a response that stops where a grid or its next row follows
CUT = re.compile(
    rf"(?:\b{_OUTPUT}\b[^.?!\n]{{0,60}}?(?: (?:is|are|be|becomes)|[:=>])|\b(?:row|line) {{0,2}}\d{{1,2}} ?[:=-]|\[)\s{{0,9}}$"
)
REFUSES = re.compile(r"\b(?:cannot|can't|could not|couldn't|unable to|sorry|no consistent)\b")


def extract_grid(response: str) -> Extraction:
    """The last grid of a response as rows of integers 0-9; no answer for a grid that is ragged, too large or out of range."""
    return extract(response, _read)


def _read(view: View) -> Extraction:
    readings = [reading for reading in (_last_nested(view), _last_lines(view)) if reading is not None]
    cut = CUT.search(view.low[-REACH:].rstrip()) if view.ends else None
    last = max(readings, key=lambda reading: (reading.end, reading.start), default=None)
    if cut and (last is None or not ANNOUNCED.search(view.low[max(0, last.start - REACH) : last.start])):
        return Extraction(None, "truncated")
    if last is not None:
        return last.extraction(view)
    if REFUSES.search(view.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if ends_as_sentence(view.low) else "truncated")


def _last_nested(view: View) -> Reading | None:
    """The last list of lists."""
    opens = (match.start() for match in last_matches(NESTED_OPEN, view.clean))
    start = next((at for at in opens if not _is_not_the_answer(view.low, at)), -1)
    if start < 0:
        return None
    run = RUN.match(view.clean, start)
    close = NESTED_CLOSE.search(view.clean, start, run.end() if run else start)
    end = close.end() if close else (run.end() if run else start + 2)
    rows = [_cells(row) for row in INNER_ROW.findall(view.clean[start + 1 : end - 1])] if close else []
    reading = _reading(rows, "nested_list", start, end)
    stops = run is not None and run.end() == len(view.clean) and _may_be_cut(view)
    return replace(reading, status="truncated") if stops and close is None else reading


def _may_be_cut(view: View) -> bool:
    """Whether a response ends without closing a code fence, which cleaning has replaced by blanks."""
    return view.ends and not view.clean[-1:].isspace()


def _is_not_the_answer(low: str, at: int) -> bool:
    """Whether the grid at `at` repeats the question's input or is denied: "The output is not [[1, 2]]"."""
    before = low[max(0, at - 200) : at].rstrip(" :>\n")
    return bool(INPUT_LABEL.search(low, max(0, at - 60), at) or NOT_BEFORE.search(before + " ")) or denied(
        before, len(before)
    )


def _last_lines(view: View) -> Reading | None:
    """The last grid that is written as consecutive lines of cells."""
    block: list[tuple[int, str]] = []
    last: Reading | None = None
    before = ""
    at = count = 0
    spaced = False
    lines = view.clean.split("\n")
    for number, line in enumerate([*lines, "."]):
        bare = ROW_LABEL.sub("", line[:700], count=1).strip()
        if bare and len(bare) < 600 and ROW_LINE.match(bare):
            block.append((at, bare))
            count += 1
        elif not bare and (spaced or len(block) == 1):
            spaced = True  # rows with a blank line between them
        elif block and bare and TABLE_RULE.match(bare) and "-" in bare:
            pass
        else:
            cut = number == len(lines) and _may_be_cut(view)
            last = _block(block, before, alone=count == 1, cut=cut) or last
            block, spaced = [], False
            before = bare.lower() or before
        at += len(line) + 1
    return last


def _block(block: list[tuple[int, str]], before: str, *, alone: bool, cut: bool) -> Reading | None:
    """The grid of consecutive lines; a single line counts only after a colon or where it is the whole response.

    `cut`: the response may have been cut off after these lines.
    """
    if (
        not block
        or INPUT_LABEL.search(before[-60:])
        or (before.endswith(":") and _is_not_the_answer(before, len(before)))
    ):
        return None
    if len(block) == 1 and not before.endswith((":", ">")) and not (alone and before in ("", "output", "answer")):
        return None
    start, end = block[0][0], block[-1][0] + len(block[-1][1])
    lines = [line for _, line in block]
    if len(lines) == 1 and "[" in lines[0]:
        return None
    reading = _reading(_rows(lines), "rows_of_cells", start, end)
    in_a_row = cut and len(lines) > 1 and len(lines[-1]) < len(lines[-2])
    if in_a_row and reading.answer is None and _reading(_rows(lines[:-1]), "rows_of_cells", start, end).answer:
        return replace(reading, status="truncated")
    return reading


def _rows(lines: list[str]) -> list[list[int | None]]:
    """The cells of lines such as "1 0 2", or "102" where each line is only digits."""
    if all(line.isdigit() and len(line) > 1 for line in lines):
        return [[int(char) for char in line] for line in lines]
    return [_cells(line) for line in lines]


def _cells(row: str) -> list[int | None]:
    """The cells of one row; None for a cell that is not an integer 0-9."""
    return [int(cell) if len(cell) == 1 else None for cell in CELL.findall(row)]


def _reading(rows: list[list[int | None]], rule: str, start: int, end: int) -> Reading:
    """A reading of the rows; without an answer unless they are a rectangle of valid cells of at most 30 by 30."""
    sides = bool(rows) and len(rows) <= MOST_SIDE and 1 <= len(rows[0]) <= MOST_SIDE
    if not sides or any(len(row) != len(rows[0]) or None in row for row in rows):
        return Reading(None, "none", rule, start, end)
    return Reading([[cell for cell in row if cell is not None] for row in rows], "answered", rule, start, end)
