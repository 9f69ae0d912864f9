"""The matrix of tasks and variants: each difference with its interval as a small bar, and a link to the samples behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from urllib.parse import urlencode

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, is_significant
from mcqa_suite.analysis.compare.verdicts import LEVEL
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.reporting.headlines import headlines, interval, parts_of
from mcqa_suite.reporting.tables import p_value
from mcqa_suite.reporting.task_names import code, readable

CHANGED = "1,2,3"  # the transitions that the sample browser calls a change
MOST_TIMES = 2  # what the longest bar may be of the upper quartile without being cut


@dataclass(frozen=True)
class Bar:
    """Positions from 0 to 100, of which 50 is no difference: the interval, the value and the equivalence margin.

    `cut_low`, `cut_high`: whether the interval goes on beyond that end of the bar. `value` is None where it is beyond it too.
    """

    low: float
    value: float | None
    high: float
    margin: tuple[float, float] | None
    cut_low: bool
    cut_high: bool


@dataclass(frozen=True)
class Cell:
    """A difference; `tone` is "worse" or "better" where it is significant after correction, else ""."""

    row: ComparisonRow
    bar: Bar | None
    tone: str
    link: str
    tip: str


@dataclass(frozen=True)
class Line:
    """A task or group under one metric and filter, with a cell for each variant; `parts` are the tasks of a group."""

    title: str
    code: str
    about: str
    cells: tuple[Cell | None, ...]
    parts: Lines | None = None

    @property
    def has_cut_bar(self) -> bool:
        return any(cell.bar.cut_low or cell.bar.cut_high for cell in self.cells if cell and cell.bar)


@dataclass(frozen=True)
class Lines:
    """The lines of one table; `reach`: the points at both ends of every bar of a share, 0 where there is none."""

    lines: tuple[Line, ...]
    reach: float

    @property
    def has_cut_bar(self) -> bool:
        return any(line.has_cut_bar for line in self.lines)


@dataclass(frozen=True)
class Matrix(Lines):
    variants: tuple[str, ...]


def matrix(comparison: Comparison, variants: Sequence[str]) -> Matrix:
    """The headlines of a comparison, in the order of `variants`; a noise floor comes last."""
    tops = headlines(comparison)
    named = {row.variant: row for rows in tops for row in rows}
    ordered = [name for name in variants if name in named]
    ordered += [name for name, row in named.items() if row.kind == "noise floor" and name not in ordered]
    parts = [parts_of(comparison, rows) for rows in tops]
    table = _lines(tops, ordered, comparison.margin)
    lines = [
        replace(line, parts=_lines(of, ordered, comparison.margin) if of else None)
        for line, of in zip(table.lines, parts, strict=True)
    ]
    names = [f"{name} (noise floor)" if named[name].kind == "noise floor" else name for name in ordered]
    return Matrix(tuple(lines), table.reach, tuple(names))


def _lines(groups: Sequence[Sequence[ComparisonRow]], names: Sequence[str], margin: float) -> Lines:
    reach = _reach([row for rows in groups for row in rows if is_share(row.metric)])
    return Lines(tuple(_line(rows, names, reach, margin) for rows in groups), 100 * reach)


def _reach(rows: Sequence[ComparisonRow]) -> float:
    """Where the bars of one scale end: at the largest end of an interval.

    Where that would make most bars too short to read, they end at the upper quartile of the largest ends, and the others are cut.
    """
    differences = [row.change.difference for row in rows]
    ends = sorted(
        max(abs(each.low), abs(each.high)) for each in differences if isfinite(each.low) and isfinite(each.high)
    )
    if not ends:
        return 0.0
    quartile = ends[ceil(0.75 * (len(ends) - 1))]
    return quartile if ends[-1] > MOST_TIMES * quartile > 0 else ends[-1]


def _line(rows: Sequence[ComparisonRow], names: Sequence[str], reach: float, margin: float) -> Line:
    first, by_name = rows[0], {row.variant: row for row in rows}
    width = reach if is_share(first.metric) else _reach(rows)
    cells = [_cell(by_name[name], width, margin) if name in by_name else None for name in names]
    counts = sorted({row.n for row in rows})
    about = [f"{counts[-1]:,} questions", first.metric]
    if first.members:
        about.append(f"{first.average} of {len(first.members)} task{'s' * (len(first.members) > 1)}")
    if not first.higher_is_better:
        about.append("lower is better")
    return Line(readable(first.title), code(first.title), ", ".join(about), tuple(cells))


def _cell(row: ComparisonRow, reach: float, margin: float) -> Cell:
    change = row.change.difference
    bar = None
    if reach and all(map(isfinite, (change.low, change.value, change.high))):
        low, high = _position(change.low, reach), _position(change.high, reach)
        value = _position(change.value, reach) if abs(change.value) <= reach else None
        band = (_position(-margin, reach), _position(margin, reach)) if is_share(row.metric) else None
        bar = Bar(low, value, high, band, cut_low=change.low < -reach, cut_high=change.high > reach)
    return Cell(row, bar, row.verdict if is_significant(row) else "", samples_link(row), tip(row))


def _position(value: float, reach: float) -> float:
    return round(50 + 50 * max(-1.0, min(1.0, value / reach)), 1)


def samples_link(row: ComparisonRow) -> str:
    """The part of an address that opens the samples behind a difference: those of the task whose answer changed."""
    task = row.task if row.title == row.task else f"{row.task}:{row.filter}"
    changed = {} if row.verdict == "unchanged" or not row.flips else {"change": CHANGED}
    return urlencode({"task": task, "model": row.variant, **changed}, safe=",:")


def significance(row: ComparisonRow) -> str:
    """Whether a difference is significant, alone and after Holm's correction, in words."""
    if row.p_holm is None:
        return "not tested"
    if row.p_holm < LEVEL:
        return "significant, also after correction"
    return "significant alone, not after correction" if row.change.p < LEVEL else "not significant"


def tip(row: ComparisonRow) -> str:
    """Everything about a cell that it has no room for."""
    tested = "" if row.p_holm is None else f" (p {p_value(row.change.p)}, corrected {p_value(row.p_holm)})"
    flips = row.flips
    turned = f"; right to wrong {flips.right_to_wrong}, wrong to right {flips.wrong_to_right}" if flips else ""
    return f"{row.variant} against {row.parent}: {interval(row)}; {significance(row)}{tested}{turned}"
