"""A table as Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Every character that LaTeX would take for a command, and what stands for it.
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "≈": r"$\approx$",
    "†": r"$\dagger$",
    "–": "--",
}


@dataclass(frozen=True)
class Table:
    """`rows` are text; the first column reads from the left, the rest are numbers and stand at the right."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def markdown(table: Table) -> str:
    lines = [f"### {table.title}", ""] if table.title else []
    lines += [_line(table.header), "|---|" + "---:|" * (len(table.header) - 1)]
    lines += [_line(row) for row in table.rows]
    for note in table.notes:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def latex(table: Table) -> str:
    """A `table` float; it needs \\usepackage{booktabs}."""
    columns = "l" + "r" * (len(table.header) - 1)
    size = r"\small" if len(table.header) < 8 else r"\scriptsize\setlength{\tabcolsep}{3pt}"
    lines = [r"\begin{table}", r"\centering", size, rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines += [_latex_row(table.header), r"\midrule", *map(_latex_row, table.rows), r"\bottomrule", r"\end{tabular}"]
    caption = " ".join(escape(text) for text in (table.title + ".", *table.notes) if text != ".")
    lines += [rf"\caption{{{caption}}}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"


def escape(text: str) -> str:
    """Text as LaTeX shows it."""
    return "".join(LATEX.get(letter, letter) for letter in text.replace("**", "").replace("`", ""))


def percent(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{100 * value:.{digits}f}"


def points(value: float | None) -> str:
    """A difference in points, never -0.0."""
    if value is None:
        return ""
    text = f"{100 * value:+.1f}"
    return "0.0" if text in ("-0.0", "+0.0") else text


def number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def in_one_unit(megabytes: Sequence[float | None]) -> tuple[str, list[float | None]]:
    """Sizes in the unit that suits all of a column, and its name: GB where the largest has one, and the smallest 0.01 of one."""
    known = [size for size in megabytes if size is not None]
    if known and max(known) >= 1000 and min(known) >= 10:
        return "GB", [None if size is None else size / 1000 for size in megabytes]
    return "MB", list(megabytes)


def p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<.0001" if value < 0.0001 else f"{value:.4f}"
