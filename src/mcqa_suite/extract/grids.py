"""Extract the last grid of colours 0-9 from a response."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import replace

from mcqa_suite.extract.denial import NOT_BEFORE, denied
from mcqa_suite.extract.endings import ends_as_sentence
from mcqa_suite.extract.grid_lines import OUTPUT, Block, Cells, blocks, cells_of, rows_of
from mcqa_suite.extract.result import Extraction, Reading, extract
from mcqa_suite.extract.text import View, clean_view, last_matches

MOST_SIDE = 30  # rows or columns of an ARC grid
Rows = list[list[int]]

# "[[1,0,2], [0,3,0]]": brackets, digits and separators
RUN = re.compile(r"[\[\]\d\s,.'-]*")
NESTED_OPEN = re.compile(r"\[ {0,9}\n? {0,9}\[(?=[^\[]|$)")
NESTED_CLOSE = re.compile(r"\][\s,]{0,40}\]")
INNER_ROW = re.compile(r"\[([^\[\]]*)\]")
# "Test input:", "The input rows are:" before a grid of the question; "Output for the test input:" before one that is not
INPUT_LABEL = re.compile(r"(?:^|\W)(?:test )?inputs?(?: (?:grid|matrix|rows?|\d))?(?: is| are)?\W{0,3}$")
OF_INPUT = re.compile(
    r"\b(?:output|answer|solution|result|prediction)s?(?: grids?| matrix)? (?:for|of|from|to|on)\b[^.:\n]{0,40}$"
    r"|\b(?:transformed|modified|updated|resulting|final|new) (?:test )?$"
)
OF_OUTPUT = re.compile(r"\b(?:outputs?|answer|solution|resulting|transformed|predicted)\b[^.]{0,60}:$")
REACH = 120  # characters before a grid, or at the end of a response, in which an announcement is searched
_OUTPUT = r"(?:output|answer|solution|result|transformed grid|predicted grid)"
ANNOUNCED = re.compile(
    rf"\b{_OUTPUT}\b[^.\n]{{0,60}}\n?[^\w\n]{{0,20}}(?:\w{{1,8}}\n)?\s{{0,4}}$"
)  # "Output:" and "```json"
# "The output grid is:", "Row 3:", "[": a response that stops where a grid or its next row follows
NEXT_ROW = r"(?:\b(?:row|line) {0,2}\d{1,2} ?[:=-]|\[)"
CUT = re.compile(rf"(?:\b{_OUTPUT}\b[^.?!\n]{{0,60}}?(?: (?:is|are|be|becomes)|[:=>])|{NEXT_ROW})\s{{0,9}}$")
CUT_IN_GRID = re.compile(rf"[\s,#>•-]{{0,20}}{NEXT_ROW}\s{{0,9}}$")
REFUSES = re.compile(r"\b(?:cannot|can't|could not|couldn't|unable to|sorry|no consistent)\b")
# "In example 1, [[1]] becomes [[2]]", "The changed cells are at [[0, 1], [1, 2]]": lists that are not the output
EXAMPLE = re.compile(
    r"\b(?:examples?|train(?:ing)?(?: pair| example)?|pair) ?#?\d{1,2}\b(?![^\n]*\btest\b)[^\n]{0,200}$"
)
POSITIONS = re.compile(r"\b(?:coordinates?|positions?|cells?|locations?|points?|indices|pixels?)\b[^.\n]{0,60}$")
# "Example 1:", "Training pair 2": the headings of a part that repeats the question
EXAMPLE_HEADING = re.compile(
    r"(?:^|\n)\W{0,9}(?:train(?:ing)? )?(?:example|pair|demonstration|train(?:ing)?) ?#?\d{1,2}\b[^.\n]{0,20}\n"
)

# "\\begin{bmatrix} 1 & 0 \\\\ 0 & 3 \\end{bmatrix}", "# [[1, 0],", "[1, 0],  # first row", "1 0\\n0 3": LaTeX and code
MATRIX = re.compile(r"\\(?:begin|end) ?\{[a-z]{0,9}(?:matrix|array)\*?\}(?:\{[lcr| ]{1,40}\})?")
ROW_BREAK = re.compile(r"\\\\(?=[\s\d\[-])|(?<=[\d\]\\,])\\n(?=[\d\[])")
# [(1, 0, 2), (0, 3, 0)] and ["102", "030"]: rows as tuples and as strings
TUPLE = re.compile(r"\((\d(?: ?, ?\d){2,29},?)\)")
STRINGS = re.compile(r"(?<=\d)(?P<quote>[\"'])\s{0,9},\s{0,9}(?P=quote)(?=\d)")
QUOTE = re.compile(r"(?<!\w)'(?=\d)|(?<=\d)'(?!\w)")
FRAMES = str.maketrans("│║┃─━═┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬", "|||---" + "+" * 18)
COMMENT = re.compile(r"(?m)^[ \t]{0,12}[#>]{1,2}(?=[ \t]{1,4}[\[\d|])|(?<=[\],])[ \t]{1,9}(?:#|//)[^\n]{0,200}")


def extract_grid(response: str) -> Extraction:
    """The last grid of a response as rows of integers 0-9; no answer for a grid that is ragged, too large or out of range."""
    return extract(response, _read, grid_view)


def grid_view(raw: str) -> View:
    """A cleaned view of a text with rows of a LaTeX matrix and rows in quotes on lines of their own, and without comments."""
    if "\\" in raw:
        raw = ROW_BREAK.sub("\n ", MATRIX.sub(lambda match: "\n".ljust(len(match.group())), raw)).replace("&", " ")
    raw = STRINGS.sub(lambda match: "\n".ljust(len(match.group())), TUPLE.sub(r"[\1]", raw))
    raw = QUOTE.sub(" ", raw).translate(FRAMES)
    return clean_view(COMMENT.sub(lambda match: " " * len(match.group()), raw))


def _read(view: View) -> Extraction:
    last = max(_readings(view), key=lambda reading: (reading.end, reading.start), default=None)
    cut = CUT.search(view.low[-REACH:].rstrip()) if view.ends else None
    if cut and (last is None or not _is_whole(view, last)):
        return Extraction(None, "truncated")
    if last is not None:
        return last.extraction(view)
    if REFUSES.search(view.low):
        return Extraction(None, "refused")
    return Extraction(None, "none" if ends_as_sentence(view.low) else "truncated")


def _is_whole(view: View, last: Reading) -> bool:
    """Whether an announced grid is complete though the response stops where a grid or a row follows."""
    announced = ANNOUNCED.search(view.low[max(0, last.start - REACH) : last.start])
    return bool(announced) and not CUT_IN_GRID.match(view.low, last.end)


def _readings(view: View) -> list[Reading]:
    """The last list of lists, and the last grid in lines."""
    return [reading for reading in (_last_nested(view), _last_lines(view)) if reading is not None]


def _last_nested(view: View) -> Reading | None:
    """The last list of lists."""
    for match in last_matches(NESTED_OPEN, view.clean):
        reading = _nested(view, match.start())
        if not (_is_not_the_answer(view.low, match.start()) or _is_beside(view.low, match.start(), reading)):
            return reading
    return None


def _nested(view: View, start: int) -> Reading:
    """The list of lists that begins at `start`."""
    run = RUN.match(view.clean, start)
    close = NESTED_CLOSE.search(view.clean, start, run.end() if run else start)
    end = close.end() if close else (run.end() if run else start + 2)
    inside = view.clean[start + 1 : end - 1]
    rows = [cells_of(row) for row in INNER_ROW.findall(inside)] if close and ".." not in inside else []
    reading = _reading(rows, "nested_list", start, end)
    stops = run is not None and run.end() == len(view.clean) and _may_be_cut(view)
    return replace(reading, status="truncated") if stops and close is None else reading


def _is_beside(low: str, at: int, reading: Reading) -> bool:
    """Whether a list is part of an example in the same line, or is a list of positions."""
    line = low[max(low.rfind("\n", 0, at), at - REACH, 0) : at]
    pairs = isinstance(reading.answer, list) and all(len(row) == 2 for row in reading.answer)
    return bool(EXAMPLE.search(line) or (pairs and POSITIONS.search(line)))


def _may_be_cut(view: View) -> bool:
    """Whether a response ends without closing a code fence, which cleaning has replaced by blanks."""
    return view.ends and not view.clean[-1:].isspace()


def _is_not_the_answer(low: str, at: int) -> bool:
    """Whether the grid at `at` repeats the question's input or is denied: "The output is not [[1, 2]]"."""
    before = low[max(0, at - 200) : at].rstrip(" :>\n")
    return bool(_repeats_input(low[max(0, at - REACH) : at]) or NOT_BEFORE.search(before + " ")) or denied(
        before, len(before)
    )


def _repeats_input(before: str) -> bool:
    """Whether the text before a grid announces the input of the question."""
    label = INPUT_LABEL.search(before, max(0, len(before) - 60))
    return label is not None and not OF_INPUT.search(before[: label.start() + 1])


def _last_lines(view: View) -> Reading | None:
    """The last grid that is written as lines of cells; those of an example that the response repeats do not count."""
    grids = blocks(view.clean)
    starts = [grid.span[0] for grid in grids]
    headings = [match.start() for match in EXAMPLE_HEADING.finditer(view.low)]
    for index in reversed(range(len(grids))):
        heading = bisect_left(headings, starts[index]) - 1
        if heading >= 0 and index - bisect_left(starts, headings[heading]) < 2:
            continue  # the input or the output below "Example 1:"
        if reading := _block_reading(view, grids[index], only=len(grids) == 1):
            return reading
    return None


def _block_reading(view: View, block: Block, *, only: bool) -> Reading | None:
    """The grid of a block; a single line counts only after a colon or where it is the whole response."""
    before, first = block.before, block.lines[0]
    if _repeats_input(before[-REACH:]) or (before.endswith(":") and _is_not_the_answer(before, len(before))):
        return None
    if len(block.lines) == 1:
        alone = only and len(first.row or "") == 1 and before in ("", "output", "answer")
        listed = "[" in first.text and not (first.text.count("[") == first.text.count("]") and OF_OUTPUT.search(before))
        if listed or not (before.endswith((":", ">")) or alone or OUTPUT.match(first.text.lower())):
            return None
    rows = [] if block.is_broken or len(block.lines) > MOST_SIDE + 1 else rows_of(block)
    reading = _reading(rows, "rows_of_cells", *block.span)
    cut = block.is_last and _may_be_cut(view) and len(rows) > 1 and len(rows[-1]) < len(rows[-2])
    if cut and reading.answer is None and _reading(rows[:-1], "rows_of_cells", *block.span).answer:
        return replace(reading, status="truncated")
    return reading


def _reading(rows: list[Cells], rule: str, start: int, end: int) -> Reading:
    """A reading of the rows; without an answer unless they are a rectangle of valid cells of at most 30 by 30."""
    sides = bool(rows) and len(rows) <= MOST_SIDE and 1 <= len(rows[0]) <= MOST_SIDE
    if not sides or any(len(row) != len(rows[0]) or None in row for row in rows):
        return Reading(None, "none", rule, start, end)
    return Reading([[cell for cell in row if cell is not None] for row in rows], "answered", rule, start, end)
