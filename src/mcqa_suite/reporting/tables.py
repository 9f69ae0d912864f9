"""The only writer of tables: Markdown, LaTeX, CSV and data frames; and how numbers are written in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING

from mcqa_suite.common.foreign_text import csv_cell, markdown_cell, one_line
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.questions.question import option_label
from mcqa_suite.stats import Estimate

if TYPE_CHECKING:
    import pandas as pd

Records = Sequence[Mapping[str, object]]
MARKED = "*: p Holm under .05; never where a check failed."

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
    "‡": r"$\ddagger$",
    "–": "--",
}


@dataclass(frozen=True)
class Table:
    """`header` and `rows` are text; the first `left` columns are aligned to the left, the others to the right."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    left: int = 1

    def without_empty_columns(self) -> Table:
        """Drop the columns that have no text in any row."""
        filled = [i for i in range(len(self.header)) if any(row[i] for row in self.rows)]
        rows = [[row[i] for i in filled] for row in self.rows]
        left = sum(i < self.left for i in filled)
        return Table(self.title, [self.header[i] for i in filled], rows, self.notes, left)


def markdown(table: Table) -> str:
    lines = [f"### {one_line(table.title)}", ""] if table.title else []
    lines += [_line(table.header), "|" + "---|" * table.left + "---:|" * (len(table.header) - table.left)]
    lines += [_line(row) for row in table.rows]
    for note in table.notes:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(markdown_cell, cells)) + " |"


def latex(table: Table) -> str:
    """A `table` float; it needs \\usepackage{booktabs}."""
    columns = "l" * table.left + "r" * (len(table.header) - table.left)
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
    return "".join(LATEX.get(letter, letter) for letter in one_line(text).replace("**", "").replace("`", ""))


def data_frame(records: Records, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """One row a record; None is missing, and a column of counts stays one of whole numbers where some are missing."""
    import pandas as pd

    frame = pd.DataFrame(list(records), columns=None if columns is None else list(columns))
    for name in frame.select_dtypes("float"):
        if all(isinstance(record.get(str(name)), int | None) for record in records):
            frame[name] = frame[name].astype("Int64")
    return frame


def csv_text(records: Records, columns: Sequence[str] | None = None, *, digits: int | None = 6) -> str:
    """CSV of `records`: numbers with `digits` significant digits (None: all), "" where a value is missing or infinite.

    `columns` gives the header where there may be no record. Text that a spreadsheet would run as a formula gets a "'" before it.
    """
    safe = [{csv_cell(key): _safe(value) for key, value in record.items()} for record in records]
    frame = data_frame(safe, columns)
    return frame.to_csv(index=False, lineterminator="\n", float_format=None if digits is None else f"%.{digits}g")


def _safe(value: object) -> object:
    if isinstance(value, float) and not isfinite(value):
        return None
    return csv_cell(value) if isinstance(value, str) else value


def clustered_text(field: str, tasks: Iterable[str]) -> str:
    """Clustered by question_id (mcqa_arc_easy_perm): rows that share it are not independent"""
    return f"Clustered by {field} ({', '.join(tasks)}): rows that share it are not independent"


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


def p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<.0001" if value < 0.0001 else f"{value:.4f}"


def percent_interval(estimate: Estimate) -> str:
    """58.2 (51.8 to 64.2): a share in % with its interval."""
    return f"{percent(estimate.value)} ({_ends(estimate, percent)})"


def points_interval(estimate: Estimate) -> str:
    """-11.3 (-17.7 to -5.0): a difference in points with its interval."""
    return f"{points(estimate.value)} ({_ends(estimate, points)})"


def _ends(estimate: Estimate, text: Callable[[float], str]) -> str:
    """51.8 to 64.2; equal values of a metric without bounds have no interval."""
    if not isfinite(estimate.low) or not isfinite(estimate.high):
        return "no interval"
    return f"{text(estimate.low)} to {text(estimate.high)}"


def percent_range(estimate: Estimate) -> str:
    """51.8 to 64.2: the interval of a share in %, between 0 and 100."""
    return f"{percent(max(0.0, estimate.low))} to {percent(min(1.0, estimate.high))}"


def in_unit(value: float | None, metric: str) -> str:
    """A score: a share in %, that of any other metric with four significant digits."""
    if value is None or is_share(metric):
        return percent(value)
    return f"{value:.4g}"


def interval_in_unit(estimate: Estimate, metric: str) -> str:
    """58.2 (51.8 to 64.2): a score with its interval."""
    return f"{in_unit(estimate.value, metric)} ({_ends(estimate, partial(in_unit, metric=metric))})"


def change_in_unit(value: float, metric: str) -> str:
    """A difference: of shares in points, never -0.0."""
    return points(value) if is_share(metric) else f"{value or 0.0:+.4g}"


def change_interval(estimate: Estimate, metric: str) -> str:
    """-11.3 (-17.7 to -5.0): a difference with its interval."""
    return f"{change_in_unit(estimate.value, metric)} ({_ends(estimate, partial(change_in_unit, metric=metric))})"


def unit(metric: str, shares: str) -> str:
    """`shares`, such as " %" or " (points)", for a metric that is a share; "" for another, which has a unit of its own."""
    return shares if is_share(metric) else ""


def letter_shares(shares: Sequence[float]) -> str:
    """A 25 B 30: the shares of the letters in %."""
    return " ".join(f"{option_label(index)} {100 * share:.0f}" for index, share in enumerate(shares))


def estimate_record(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """A value and the ends of its interval as `name`, `name_low` and `name_high`."""
    ends = (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
