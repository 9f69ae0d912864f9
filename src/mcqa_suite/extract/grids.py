"""Extract the last grid of colours 0-9 from a response."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mcqa_suite.extract.endings import ends_as_sentence
from mcqa_suite.extract.grid_lines import OUTPUT, Block, Cells, blocks, cells_of, rows_of
from mcqa_suite.extract.grid_roles import (
    ANNOUNCED,
    BEFORE_IN_SENTENCE,
    EXAMPLE,
    IN_SENTENCE,
    POSITIONS,
    REACH,
    Candidate,
    last_answer,
)
from mcqa_suite.extract.grid_text import grid_view
from mcqa_suite.extract.result import Extraction, Reading, extract
from mcqa_suite.extract.text import View, last_matches

MOST_SIDE = 30  # rows or columns of an ARC grid
Rows = list[list[int]]

# "[[1,0,2], [0,3,0]]": brackets, digits and separators
RUN = re.compile(r"[\[\]\d\s,.'-]{0,12000}")
NESTED_OPEN = re.compile(r"\[ {0,9}\n? {0,9}\[(?=[^\[]|$)")
NESTED_CLOSE = re.compile(r"\][\s,]{0,40}\]")
INNER_ROW = re.compile(r"\[([^\[\]]*)\]")
OF_OUTPUT = re.compile(r"\b(?:outputs?|answer|solution|resulting|transformed|predicted)\b[^.]{0,60}:$")
HEADING = re.compile(r"\W*(?:the |my )?(?:final |test |predicted )?(?:output|answer|solution|result)(?: grid)?\W*")
# "The output grid is:", "Row 3:", "[": a response that stops where a grid or its next row follows
NEXT_ROW = r"(?:\b(?:row|line) {0,2}\d{1,2} ?[:=-]|\[)"
CUT = re.compile(
    rf"(?:\b(?:output|answer|solution|result|transformed grid|predicted grid)\b[^.?!\n]{{0,60}}?(?: (?:is|are|be|becomes)|[:=>])"
    rf"|{NEXT_ROW})\s{{0,9}}$"
)
CUT_IN_GRID = re.compile(rf"[\s,#>•-]{{0,20}}{NEXT_ROW}\s{{0,9}}$")
REFUSES = re.compile(r"\b(?:cannot|can't|could not|couldn't|unable to|sorry|no consistent)\b")


def extract_grid(response: str) -> Extraction:
    """The last grid of a response as rows of integers 0-9; no answer for a grid that is ragged, too large or out of range."""
    return extract(response, _read, grid_view)


def _read(view: View) -> Extraction:
    nested = _nested_lists(view)
    spans = [(candidate.reading.start, candidate.reading.end) for candidate in nested]
    lines = [
        candidate
        for candidate in _grids_in_lines(view)
        if not any(start <= candidate.reading.start and candidate.reading.end <= end for start, end in spans)
    ]
    candidates = [*nested, *lines]
    candidates.sort(key=lambda candidate: (candidate.reading.end, candidate.reading.start))
    last = last_answer(view, candidates)
    cut = CUT.search(view.low[-REACH:].rstrip()) if view.ends else None
    if cut and (last is None or not _is_whole(view, last)):
        return Extraction(None, "truncated")
    if last is not None and not (REFUSES.search(view.low, last.end) and not _is_announced(view, last)):
        return last.extraction(view)
    if REFUSES.search(view.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if ends_as_sentence(view.low) else "truncated")


def _is_whole(view: View, last: Reading) -> bool:
    """Whether an announced grid is complete though the response stops where a grid or a row follows."""
    return _is_announced(view, last) and not CUT_IN_GRID.match(view.low, last.end)


def _is_announced(view: View, last: Reading) -> bool:
    return bool(ANNOUNCED.search(view.low[max(0, last.start - REACH) : last.start]))


def _nested_lists(view: View) -> list[Candidate]:
    """The lists of lists, those of examples in the same line and lists of positions excluded."""
    candidates = []
    for match in last_matches(NESTED_OPEN, view.clean):
        at = match.start()
        candidate = _nested(view, at)
        if not _is_beside(view.low, at, candidate.rows):
            candidates.append(candidate)
    return candidates


def _nested(view: View, start: int) -> Candidate:
    """The list of lists that begins at `start`."""
    run = RUN.match(view.clean, start)
    close = NESTED_CLOSE.search(view.clean, start, run.end() if run else start)
    end = close.end() if close else (run.end() if run else start + 2)
    inside = view.clean[start + 1 : end - 1]
    rows = [cells_of(row) for row in INNER_ROW.findall(inside)] if close and ".." not in inside else []
    reading = _reading(rows, "nested_list", start, end)
    stops = run is not None and run.end() == len(view.clean) and _may_be_cut(view)
    reading = replace(reading, status="truncated") if stops and close is None else reading
    before = view.low[max(0, start - REACH) : start]
    in_sentence = BEFORE_IN_SENTENCE.search(before) and IN_SENTENCE.match(view.low, end)
    return Candidate(reading, rows, before, in_sentence=bool(in_sentence))


def _is_beside(low: str, at: int, rows: Sequence[Cells]) -> bool:
    """Whether a list is part of an example in the same line, or is a list of positions."""
    line = low[max(low.rfind("\n", 0, at), at - REACH, 0) : at]
    pairs = bool(rows) and all(len(row) == 2 for row in rows)
    return bool(EXAMPLE.search(line) or (pairs and POSITIONS.search(line)))


def _may_be_cut(view: View) -> bool:
    """Whether a response ends without closing a code fence, which cleaning has replaced by blanks."""
    return view.ends and not view.clean[-1:].isspace()


def _grids_in_lines(view: View) -> list[Candidate]:
    """The grids that are written as lines of cells."""
    grids = blocks(view.clean)
    candidates = (_in_lines(view, grid, only=len(grids) == 1) for grid in grids)
    return [candidate for candidate in candidates if candidate is not None]


def _in_lines(view: View, block: Block, *, only: bool) -> Candidate | None:
    """The grid of a block; a single line counts only after a colon or a heading, or as the one cell of a response."""
    before, first = block.before, block.lines[0]
    if len(block.lines) == 1:
        alone = only and (HEADING.fullmatch(before) or (before == "" and len(first.row or "") == 1))
        listed = "[" in first.text and not (first.text.count("[") == first.text.count("]") and OF_OUTPUT.search(before))
        if listed or not (before.endswith((":", ">")) or alone or OUTPUT.match(first.text.lower())):
            return None
    rows = [] if block.is_broken or len(block.lines) > MOST_SIDE + 2 else rows_of(block)
    reading = _reading(rows, "rows_of_cells", *block.span)
    cut = block.is_last and _may_be_cut(view) and len(rows) > 1 and len(rows[-1]) < len(rows[-2])
    if cut and reading.answer is None and _reading(rows[:-1], "rows_of_cells", *block.span).answer:
        reading = replace(reading, status="truncated")
    announced = OUTPUT.match(first.text.lower())
    return Candidate(reading, rows, f"{before}\n{announced.group() if announced else ''}"[-REACH:])


def _reading(rows: list[Cells], rule: str, start: int, end: int) -> Reading:
    """A reading of the rows; without an answer unless they are a rectangle of valid cells of at most 30 by 30."""
    sides = bool(rows) and len(rows) <= MOST_SIDE and 1 <= len(rows[0]) <= MOST_SIDE
    if not sides or any(len(row) != len(rows[0]) or None in row for row in rows):
        return Reading(None, "none", rule, start, end)
    return Reading([[cell for cell in row if cell is not None] for row in rows], "answered", rule, start, end)
