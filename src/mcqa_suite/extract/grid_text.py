"""The text of a response with each row of a grid on a line of its own, from LaTeX, code, tables and quotes."""

from __future__ import annotations

import re

from mcqa_suite.extract.text import View, clean_view

# "\\begin{bmatrix} 1 & 0 \\\\ 0 & 3 \\end{bmatrix}", "# [[1, 0],", "[1, 0],  # first row", "1 0\\n0 3": LaTeX and code
MATRIX = re.compile(r"\\(?:begin|end) ?\{[a-z]{0,9}(?:matrix|array)\*?\}(?:\{[lcr| ]{1,60}\})?|\\hline")
ROW_BREAK = re.compile(r"\\\\(?=[\s\d\[-])|(?<=[\d\]\\,])\\n(?=[\d\[])")
# [(1, 0, 2), (0, 3, 0)] and ["102", "030"]: rows as tuples and as strings
TUPLE = re.compile(r"\((\d(?: ?, ?\d){2,29},?)\)")
STRINGS = re.compile(r"(?<=\d)(?P<quote>[\"'])\s{0,9},\s{0,9}(?P=quote)(?=\d)")
QUOTE = re.compile(r"(?<!\w)'(?=\d)|(?<=\d)'(?!\w)")
FRAMES = str.maketrans("│║┃─━═┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬", "|||---" + "+" * 18)
COMMENT = re.compile(r"(?m)^[ \t]{0,12}[#>]{1,2}(?=[ \t]{1,4}[\[\d|])|(?<=[\],])[ \t]{1,9}(?:#|//)[^\n]{0,200}")
# ([1, 0, 2], [0, 3, 0]) around rows, {{1, 0, 2}, {0, 3, 0}} and <row>1 0 2</row>
OUTER = re.compile(r"[({](\s{0,9}\[[\d,\s]{1,200}\](?:\s{0,9},\s{0,9}\[[\d,\s]{1,200}\]){1,40}\s{0,9},?\s{0,9})[)}]")
BRACED = re.compile(r"(?<!frac)(?<!\})\{(\d(?: ?, ?\d){1,29},?)\}")
TAG = re.compile(r"(?m)^[ \t]{0,12}<\w{1,12}>(?=[ \t]{0,4}[\d\[])")
# "[1, 0, 2], [0, 3, 0]", "Output: 1 0 2 / 0 3 0", "Output: [1 0 2; 0 3 0]": all rows on one line
_LABEL = r"(?:the )?(?:final |predicted |test )?(?:output|answer|solution|result)(?: grid| matrix)?(?: is)? ?[:=] {0,3}"
ONE_LINE = re.compile(
    rf"(?m)^[^\w\n\[]{{0,9}}(?:{_LABEL}\[?\d(?:[ ,]{{1,2}}\d){{1,29}} ?(?:[/;] ?\d(?:[ ,]{{1,2}}\d){{1,29}} ?){{1,29}}\]?"
    rf"|(?:{_LABEL})?\[\d(?:[ ,]{{1,2}}\d){{2,29}}\](?:[,; ]{{0,3}}\[\d(?:[ ,]{{1,2}}\d){{2,29}}\]){{1,29}})[ .*`$]{{0,4}}$",
    re.IGNORECASE,
)
BETWEEN = re.compile(r"[/;]|\][,; ]{0,3}(?=\[)")


def grid_view(raw: str) -> View:
    """A cleaned view of a text with rows of a LaTeX matrix and rows in quotes on lines of their own, and without comments."""
    if "\\" in raw:
        raw = ROW_BREAK.sub("\n ", MATRIX.sub(lambda match: "\n".ljust(len(match.group())), raw)).replace("&", " ")
    if "{" in raw:
        raw = BRACED.sub(r"[\1]", raw)
    if "(" in raw or "{" in raw:
        raw = OUTER.sub(r"[\1]", TUPLE.sub(r"[\1]", raw))
    if "[" in raw or ";" in raw or "/" in raw:
        raw = ONE_LINE.sub(_rows_apart, raw)
    if "'" in raw or '"' in raw:
        raw = STRINGS.sub(lambda match: "\n".ljust(len(match.group())), raw)
        raw = QUOTE.sub(" ", raw)
    if "<" in raw:
        raw = TAG.sub(_blank, raw)
    raw = raw if raw.isascii() else raw.translate(FRAMES)
    return clean_view(COMMENT.sub(_blank, raw) if any(map(raw.__contains__, ("#", ">", "//"))) else raw)


def _rows_apart(line: re.Match[str]) -> str:
    """A line of rows with a line break between any two."""
    return BETWEEN.sub(lambda match: "\n".ljust(len(match.group())), line.group())


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())
