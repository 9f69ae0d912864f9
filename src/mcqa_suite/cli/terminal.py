"""Markdown on a terminal: aligned tables that fit its width, headings and verdicts in colour."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, takewhile
from textwrap import fill
from typing import TYPE_CHECKING

from mcqa_suite.common.foreign_text import printable
from mcqa_suite.common.masking import masked
from mcqa_suite.common.output import beneath

if TYPE_CHECKING:
    from rich.text import Text

GAP = "  "  # between two columns, and before the rows of a section
COLOURS = {
    "worse": "red",
    "better": "green",
    "not valid": "magenta",
    "undecided": "yellow",
    "unchanged": "cyan",
    "equivalent": "cyan",
}
FIGURE = re.compile(r"[-+<±]?\d")  # how a cell of figures begins
CELLS = re.compile(r"(?<!\\)\|")
ESCAPED = re.compile(r"\\([|<])")


def print_markdown(markdown: str, style: str | None = None, *, optional: Sequence[str] = ()) -> None:
    """Print Markdown: fitted to a terminal, and as it is on a pipe, in a file or where a `style` was chosen.

    `optional`: the titles of columns that a table may do without where it is too wide, the least important first.
    """
    if style is not None or not sys.stdout.isatty():
        print(markdown, end="")
        return
    from rich.console import Console

    console = Console(highlight=False, file=beneath(sys.stdout))
    for line in fitted(printable(masked(markdown)), shutil.get_terminal_size().columns, optional):
        console.print(line, soft_wrap=True)


def fitted(markdown: str, width: int, optional: Sequence[str] = ()) -> Iterator[Text]:
    """The lines of a text in `width` columns. No word is broken, also where that makes a line too long."""
    for is_table, lines in groupby(markdown.split("\n"), key=lambda line: line.startswith("|")):
        if is_table:
            yield from _table(list(lines), width, optional)
        else:
            yield from (_paragraph(line, width) for line in lines)


def _paragraph(line: str, width: int) -> Text:
    if line.startswith("#"):
        return inline(line.lstrip("# "), "bold")
    indent = "  " if line.startswith("- ") else ""
    return inline(fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def inline(text: str, style: str = "") -> Text:
    """Text in which **words** are bold, and verdicts in colour."""
    from rich.text import Text

    result = Text(style=style)
    for number, part in enumerate(text.split("**")):
        verdict = next((word for word in COLOURS if part.startswith(word)), "")
        result.append(part, style=f"bold {COLOURS.get(verdict, '')}" if number % 2 else "")
    return result


@dataclass(frozen=True)
class Column:
    """A title and its cells."""

    title: str
    cells: Sequence[str]

    @property
    def is_figures(self) -> bool:
        """Whether its cells never take a second line."""
        filled = [cell for cell in self.cells if cell]
        return sum(bool(FIGURE.match(cell)) for cell in filled) > len(filled) / 2

    @property
    def to_the_right(self) -> bool:
        """Single numbers are aligned to the right, so that their decimal points are."""
        return self.is_figures and not any(" " in cell for cell in self.cells)

    def least(self, lines: int) -> int:
        """The smallest width at which no word is broken and no cell takes more than `lines`; a title may take three."""
        cells = 1 if self.is_figures else lines
        return max(_least(self.title, 3), *(_least(cell, cells) for cell in self.cells))

    @property
    def most(self) -> int:
        return max(map(_length, (self.title, *self.cells)))


def _table(lines: Sequence[str], width: int, optional: Sequence[str]) -> Iterator[Text]:
    """The columns side by side; else the first as a line over its rows; else without optional columns; else in blocks."""
    header, _, *rows = [[ESCAPED.sub(r"\1", cell.strip()) for cell in CELLS.split(line)[1:-1]] for line in lines]
    columns = [Column(title, [row[i] for row in rows]) for i, title in enumerate(header)]
    expendable = [title for title in optional if title in header]
    for dropped in range(len(expendable) + 1):
        layout = _layout([column for column in columns if column.title not in expendable[:dropped]], width)
        if layout:
            yield from _lines(*layout)
            if dropped:
                names = ", ".join(expendable[:dropped])
                yield _paragraph(f"Left out in {width} columns: {names} (--format md has all).", width)
            return
    for number, block in enumerate(_blocks(columns, width)):
        yield from ([inline("")] if number else [])
        yield from _lines(block, _widths(block, width, 2) or [column.least(2) for column in block])


def _layout(columns: Sequence[Column], width: int) -> tuple[Sequence[Column], list[int], Column | None] | None:
    """Columns, their widths, and the column whose cells are lines over the rows, if any; None where nothing fits."""
    first, *others = columns
    repeats = len(set(first.cells)) < len(first.cells)
    for lines in (1, 2):
        if widths := _widths(columns, width, lines):
            return columns, widths, None
        if others and (repeats or lines == 2) and (widths := _widths(others, width - len(GAP), lines)):
            return others, widths, first
    return None


def _widths(columns: Sequence[Column], width: int, lines: int) -> list[int] | None:
    """A width for each column, at which no cell takes more than so many lines; None where they do not fit."""
    room = width - len(GAP) * (len(columns) - 1)
    widths = [column.least(lines) for column in columns]
    if sum(widths) > room:
        return None
    for number, column in enumerate(columns):
        widths[number] += min(column.most - widths[number], room - sum(widths))
    return widths


def _blocks(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """As many columns as fit beside those that name the rows, block after block.

    The first ones without figures name the rows, or fewer where no other column would fit beside them.
    """
    keys = list(takewhile(lambda column: not column.is_figures, columns[:-1])) or list(columns[:1])
    while len(keys) > 1 and not all(_widths([*keys, column], width, 2) for column in columns[len(keys) :]):
        keys.pop()
    blocks = [keys]
    for column in columns[len(keys) :]:
        if len(blocks[-1]) > len(keys) and not _widths([*blocks[-1], column], width, 2):
            blocks.append(keys)
        blocks[-1] = [*blocks[-1], column]
    return blocks


def _lines(columns: Sequence[Column], widths: Sequence[int], section: Column | None = None) -> Iterator[Text]:
    """Titles, a rule and the rows. Each cell of `section` is a line over the rows that share it."""
    indent = GAP if section else ""
    right = [column.to_the_right for column in columns]
    titles = [_wrapped(column.title, width) for column, width in zip(columns, widths, strict=True)]
    height = max(map(len, titles))
    for line in _row([[*[""] * (height - len(title)), *title] for title in titles], widths, right):
        yield inline(indent + line, "bold")
    yield inline(indent + GAP.join("─" * width for width in widths))
    for number in range(len(columns[0].cells)):
        if section and (number == 0 or section.cells[number] != section.cells[number - 1]):
            yield inline(section.cells[number], "bold")
        cells = [_wrapped(column.cells[number], width) for column, width in zip(columns, widths, strict=True)]
        yield from (inline(indent + line) for line in _row(cells, widths, right))


def _row(cells: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]) -> Iterator[str]:
    """The lines of a row whose cells are lines."""
    for number in range(max(map(len, cells))):
        parts = []
        for lines, width, flush in zip(cells, widths, right, strict=True):
            text = lines[number] if number < len(lines) else ""
            space = " " * (width - _length(text))
            parts.append(space + text if flush else text + space)
        yield GAP.join(parts).rstrip()


@cache
def _length(text: str) -> int:
    """How many columns of a terminal the text takes."""
    from rich.cells import cell_len

    return cell_len(text.replace("**", ""))


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken at spaces only; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _length(longer) > width:
            if lines[-1].count("**") % 2:  # bold goes on in the next line
                lines[-1], word = f"{lines[-1]}**", f"**{word}"
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


@cache
def _least(text: str, lines: int) -> int:
    """The smallest width at which the text takes at most `lines`."""
    width = max(map(_length, text.split()), default=0)
    while len(_wrapped(text, width)) > lines:
        width += 1
    return width
