"""Text from files and servers, made harmless for a terminal, Markdown, CSV and LaTeX."""

from __future__ import annotations

import re

SIGN = "\ufffd"  # stands for a character that is not shown
# Control characters, marks that change the direction of writing, and half surrogates, which no file or terminal can hold.
DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
UNPRINTABLE = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{DIRECTIONS}\u2028\u2029\ud800-\udfff]")
LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
WHITE = re.compile(r"[\t\n]")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would compute


def printable(text: str) -> str:
    """The text with line ends of one kind, and a sign for each other control character."""
    return UNPRINTABLE.sub(SIGN, LINE_END.sub("\n", text))


def one_line(text: str) -> str:
    """A name as one line: a sign for each control character, line ends and tabs included."""
    return UNPRINTABLE.sub(SIGN, WHITE.sub(SIGN, text))


def markdown_cell(text: str) -> str:
    """A cell of a Markdown table, whose text ends no cell or row and opens no tag of HTML."""
    return TAG.sub(r"\\<", one_line(text).replace("|", "\\|"))


def csv_cell(text: str) -> str:
    """A cell of a CSV file, with a "'" before what a spreadsheet would run as a formula."""
    return f"'{one_line(text)}" if text.startswith(FORMULA) else one_line(text)


def fenced(text: str) -> str:
    """A block of Markdown that shows the text: its fence is longer than any in the text."""
    shown = printable(text).rstrip()
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`{3,}", shown))])
    return f"{fence}text\n{shown}\n{fence}"


def code(text: str) -> str:
    """A short text of Markdown in the letters of a program."""
    return f"`{one_line(text).replace('`', chr(39))}`"
