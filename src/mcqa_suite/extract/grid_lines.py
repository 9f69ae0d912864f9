"""Find grids that are written as lines of cells, also where each row has its own heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcqa_suite.extract.decimals import WORD_VALUES
from mcqa_suite.extract.options import ORDINALS

Cells = list[int | None]

# "1 0 2", "1,0,2", "| 1 | 0 | 2 |", "[1, 0, 2],": a line of cells; "|---|---|" separates a table's head from its body
ROW_LINE = re.compile(r"[ |\[({,]{0,8}-?\d[\d.]*(?:[ ,|\t]{1,8}-?\d[\d.]*){0,120}[ |\])},;\\]{0,8}$", re.ASCII)
CELL = re.compile(r"-?\d[\d.]*", re.ASCII)
TABLE_RULE = re.compile(r"[ |:+-]{0,200}-[ |:+-]{2,200}$")  # "|---|---|", "+---+---+"
LEFT_OUT = re.compile(r"[ |\[\],]{0,9}(?:\.\.\.|…|⋮|\. \. \.)[ .…⋮|\[\],]{0,40}$")  # "...": rows that are not written
FENCE = re.compile(
    r"(?:json|text|txt|plain|plaintext|python|csv|markdown|md|none)$"
)  # "```json", whose back-ticks are blanks
PLAIN = re.compile(r"[\d ,\[\]]+", re.ASCII)  # a line that can only be a row: a fast test
LONGEST = 700  # characters of a line that are read

_BULLET = r"(?:[-•+#>|] {0,3}){0,4}"
_ROW = r"(?:row|line|reihe|zeile|ligne|rangée|fila|linha|riga|rij|строка)"
# "Row 3: ", "- Line 3 = ", "Row three becomes ", "第3行：", "R3: ", "| r3 |"
NAMED = re.compile(
    rf"{_BULLET}(?:(?:output |new |final )?{_ROW} {{0,2}}#?|r ?=? ?(?=\d)|第)"
    rf"(?P<number>\d{{1,2}}|{'|'.join(WORD_VALUES)})(?![a-z0-9])"
    r"行?(?: \([^()\n]{0,40}\))?"
    r"(?: {0,3}(?:[:=|→.)]|->|=>|-(?= )|(?:is|becomes|remains|stays|will be|should be)(?= )|(?=\[)) {0,3}| {0,3}$)"
)
NUMBERED = re.compile(
    rf"{_BULLET}[(\[]?(?P<number>\d{{1,2}})(?:[.):\]] {{1,3}}| ?\| {{1,3}}(?=[^|]*\|?$))"
)  # "3. ", "(3) ", "3 | "
ORDINAL = re.compile(
    rf"\b(?P<word>{'|'.join(ORDINALS)}) {_ROW}\b[^:\n]{{0,80}}: {{0,3}}"
)  # "The second row gets the 3:"
# "Output: 1 0 2": the first row behind an announcement
OUTPUT = re.compile(
    rf"{_BULLET}[{{ ]{{0,4}}(?:the )?(?:final |predicted |test )?(?:output|answer|solution|result)(?: grid| matrix)?(?: is)?"
    r"(?: a single (?:cell|row|column))? {0,2}[:=] {0,3}(?=[\[({ ]{0,4}\d)"
)
# "> 1 0 2", "- 1 0 2", "- row: [1, 0, 2]"
QUOTED = re.compile(r"(?:[-•+>] {1,3}(?:row ?[:=] {0,3})?|row ?[:=] {0,3})(?=[\[\d|])")
# "1 0 2 (unchanged)", "1 0 2 <- first row", "[1, 0, 2],  # first row"
REMARK = re.compile(r"(?<=[\d\],;|]) {1,9}(?:\([^()\n]{1,200}\)|(?:<-|←|#|//|— ?(?!\d)|- (?=[a-z]))[^\n]*)[ .,;]{0,3}$")
ARROW = re.compile(r"[\d\]] {0,3}(?:→|->|=>|⇒) {0,3}(?=[\[({]{0,2}\d)")  # "Row 1: 1 0 2 -> 2 0 1"


@dataclass(frozen=True)
class Line:
    """A line of a response: its cells as text where it is a row, and the number that it gives to this or the next row."""

    at: int
    text: str
    row: str | None = None
    number: int | None = None
    left_out: bool = False


@dataclass
class Block:
    """The lines of a grid, and the last text before them; `blocks` adds to it line by line."""

    lines: list[Line]
    before: str
    is_numbered: bool = False
    is_broken: bool = False  # a row is left out
    is_last: bool = False  # its last row is the last line of the response

    @property
    def next_number(self) -> int:
        """The number of the row that would follow; the first one of a grid without numbers is 1."""
        first = self.lines[0].number
        return (1 if first is None else first) + len(self.lines)

    @property
    def span(self) -> tuple[int, int]:
        return self.lines[0].at, self.lines[-1].at + len(self.lines[-1].text)

    def follows(self, number: int | None, *, is_open: bool) -> bool:
        """Whether a row with this number, or without one, continues the grid; `is_open`: nothing is between them."""
        return is_open if number is None else number == self.next_number


def blocks(text: str) -> list[Block]:
    """The grids of a cleaned text, in order.

    Lines without numbers are one grid where they follow one another, or with one blank line between any two. A row with the next
    number continues the grid before it, also behind other text; one with a number above 1 begins none.
    """
    started: list[Block] = []
    block: Block | None = None
    is_open = is_spaced = False
    before, heading, line = "", None, Line(0, "")
    for line in _lines(text):
        number = heading if line.number is None else line.number
        if line.row is not None:
            line = line if number == line.number else replace(line, number=number)
            if block is None or not block.follows(number, is_open=is_open):
                block = Block([], before) if number is None or number < 2 else None
                started += [block] if block else []
                before, is_spaced = "", False
            if block:
                block.lines.append(line)
                block.is_numbered = block.is_numbered or number is not None
            is_open, heading = block is not None, None
        elif not line.text:
            is_spaced = is_spaced or bool(block and len(block.lines) == 1)
            is_open = is_open and (is_spaced or bool(block and block.is_numbered))
        elif line.left_out and block:
            block.is_broken = True
        elif TABLE_RULE.match(line.text):
            is_open = is_open and ("|" in line.text or "+" in line.text)
        elif not FENCE.match(line.text):
            heading, is_open, before = line.number, False, line.text.lower()
    if block:
        block.is_last = line.row is not None
    return started


def _lines(text: str) -> Iterator[Line]:
    at = 0
    for line in text.split("\n"):
        yield _line(line[:LONGEST].strip(), at)
        at += len(line) + 1


def _line(text: str, at: int) -> Line:
    """One line without the blanks around it."""
    if not text:
        return Line(at, text)
    if PLAIN.fullmatch(text) and (plain := _bare(text)):
        return Line(at, text, plain)
    low = text.lower()
    named = NAMED.match(low)
    ordinal = None if named else ORDINAL.search(low)
    label = named or ordinal
    rest = low[label.end() :] if label else low
    if LEFT_OUT.match(rest):
        return Line(at, text, left_out=True)
    if label:
        number = _number(label["number"]) if named else 1 + ORDINALS.index(label["word"])
        row = _row(rest)
        return Line(at, text, row, number if row or not rest or rest.endswith(":") else None)
    if (numbered := NUMBERED.match(low)) and (row := _row(low[numbered.end() :])) and len(row) > 1:
        return Line(at, text, row, int(numbered["number"]))
    lead = OUTPUT.match(low) or QUOTED.match(low)
    return Line(at, text, _row(low[lead.end() :] if lead else low))


def _number(text: str) -> int:
    """The value of a row number in digits or words."""
    return int(text) if text.isdigit() else WORD_VALUES[text]


def _row(text: str) -> str | None:
    """The cells of a line as text, without a remark behind them; None where it has anything else."""
    text = REMARK.sub("", text)
    if arrows := list(ARROW.finditer(text)):
        text = text[arrows[-1].end() :]
    return _bare(text if text.endswith("..") else text.removesuffix("."))


def _bare(text: str) -> str | None:
    """Cells without what is around them; None for anything else."""
    return text.strip(" |[](){},;\\") if text and len(text) <= 600 and ROW_LINE.match(text) else None


# "| Row | C1 | C2 |", "|   | 1 | 2 |": the head of a table whose first column numbers the rows
ROW_HEAD = re.compile(r"\W*(?:row|line|#|r\b|idx|index|zeile|ligne|fila|riga)[^|]{0,12}\|.*\|")
IN_AND_OUT = re.compile(
    r"[ |]{0,9}\b(?:input|before|original)\b[^|]{0,20}\|[^|]{0,20}\b(?:output|after|new)\b[^|]{0,20}\|?$"
)


def rows_of(block: Block) -> list[Cells]:
    """The cells of each row, also of "102" where each line is only digits; without a column that numbers the rows."""
    rows = [line.row or "" for line in block.lines]
    if all(row.isdigit() and len(row) > 1 for row in rows):
        return [[int(char) for char in row] for row in rows]
    if IN_AND_OUT.match(block.before) and all(row.count("|") == 1 for row in rows):
        rows = [row.partition("|")[2] for row in rows]
    cells = [CELL.findall(row) for row in rows]
    return [[int(cell) if len(cell) == 1 else None for cell in row] for row in _without_numbers(cells, block.before)]


def _without_numbers(rows: list[list[str]], head: str) -> list[list[str]]:
    """Rows without a first column of row numbers, and without the row of column numbers above them."""
    body = rows[1:] if len(rows) > 2 and len(rows[0]) == len(rows[1]) - 1 and _counts(rows[0]) else rows
    is_numbered = body is not rows or ROW_HEAD.match(head) or len(rows) > 10
    if is_numbered and all(len(row) > 1 for row in body) and _counts([row[0] for row in body]):
        return [row[1:] for row in body]
    return rows


def _counts(cells: list[str]) -> bool:
    """Whether cells count from 0 or 1, as row numbers do."""
    return cells[0] in ("0", "1") and cells == [str(int(cells[0]) + index) for index in range(len(cells))]


def cells_of(row: str) -> Cells:
    """The cells of one row; None for a cell that is not an integer 0-9."""
    return [int(cell) if len(cell) == 1 else None for cell in CELL.findall(row)]
