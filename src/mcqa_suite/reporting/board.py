"""The page's leaderboard, and its copies as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, is_significant
from mcqa_suite.analysis.compare.columns import Cell, Column, cell
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.summary import Row, Summary
from mcqa_suite.reporting.tables import Table, in_one_unit, number, percent, points
from mcqa_suite.reporting.views import clean


@dataclass(frozen=True)
class BoardCell:
    """`tone` is "better" or "worse" where the difference is significant after correction, else ""."""

    value: str = "–"
    interval: str = ""
    difference: str = ""
    tone: str = ""
    sick: str = ""
    sort: float | None = None


@dataclass(frozen=True)
class BoardRow:
    """`kind`: base, variant, noise floor or reference (chance, the commonest letter). `sizes`: bits a weight, size in the board's
    unit, tokens a second."""

    name: str
    kind: str
    rank: str
    cells: tuple[BoardCell, ...]
    macro: BoardCell
    sizes: tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Board:
    columns: tuple[Column, ...]
    rows: tuple[BoardRow, ...]
    notes: tuple[str, ...]
    macro: bool
    sized: tuple[bool, bool, bool]
    unit: str


def board(summary: Summary, report: Comparison | None, base: str | None, floor: Run | None) -> Board:
    """The leaderboard: models from best to worst, then chance, the commonest letter and the noise floor."""
    found = {(row.task, row.variant): row for row in report.rows} if report else {}
    rows = [_board_row(row, "base" if row.run.name == base else "variant", found) for row in summary.rows]
    blank = BoardCell(value="")
    none = (None, None, None)
    if any(column.chance is not None for column in summary.columns):
        chances = [_reference(column.chance, "") for column in summary.columns]
        rows.append(BoardRow("chance", "reference", "", tuple(chances), blank, none))
    if any(column.constant for column in summary.columns):
        letters = [
            _reference(*(c.constant[1], f"always {c.constant[0]}") if c.constant else (None, ""))
            for c in summary.columns
        ]
        rows.append(BoardRow("commonest letter", "reference", "", tuple(letters), blank, none))
    if floor is not None:
        cells = tuple(cell(floor, column) for column in summary.columns)
        again = _board_row(Row(floor, cells, None, None), "noise floor", found)
        rows.append(replace(again, name=f"{again.name} (noise floor)"))
    unit, sizes = in_one_unit([row.sizes[1] for row in rows])
    rows = [replace(row, sizes=(row.sizes[0], size, row.sizes[2])) for row, size in zip(rows, sizes, strict=True)]
    sized = tuple(any(row.sizes[i] is not None for row in rows) for i in range(3))
    return Board(
        summary.columns,
        tuple(rows),
        tuple(_notes(summary)),
        len(summary.columns) > 1 and any(row.macro.value for row in rows if row.kind != "reference"),
        (sized[0], sized[1], sized[2]),
        unit,
    )


def _notes(summary: Summary) -> Iterable[str]:
    """The summary's own, but for what the page says elsewhere."""
    yield from (note for note in summary.notes if not note.startswith(("Values are", "†")))
    if any(c.sick for row in summary.rows for c in row.cells if c):
        yield "† broken, and in no mean: the task or one of its parts cannot be believed, as the checks and Health tell."


def _reference(value: float | None, note: str) -> BoardCell:
    return BoardCell(value=percent(value), interval=note, sort=value)


def _board_row(row: Row, kind: str, found: dict[tuple[str, str], ComparisonRow]) -> BoardRow:
    cells = [_board_cell(c, found.get((c.column.name, row.run.name)) if c else None) for c in row.cells]
    macro = BoardCell(value="")
    if row.macro is not None:
        macro = BoardCell(percent(row.macro), f"± {percent(row.macro_half_width)}", sort=row.macro)
    rank = f"{row.rank}{' ≈' if row.inseparable else ''}"
    sizes = (row.run.bits_per_weight, row.run.size_mb, row.run.tokens_per_second)
    return BoardRow(row.run.name, kind, rank, tuple(cells), macro, sizes)


def _board_cell(c: Cell | None, row: ComparisonRow | None) -> BoardCell:
    if c is None:
        return BoardCell()
    e = c.estimate
    difference = tone = ""
    if row is not None:
        d = row.change.difference
        difference = f"{points(d.value)} ({points(d.low)} to {points(d.high)})"
        tone = ("better" if d.value > 0 else "worse") if is_significant(row) else ""
    return BoardCell(percent(e.value), f"{percent(e.low)} to {percent(e.high)}", difference, tone, c.sick, sort=e.value)


def board_table(shown: Board) -> Table:
    """For Markdown and LaTeX: * marks a difference that is significant after correction."""
    sizes = [name for name, there in zip(("bits/weight", shown.unit, "tokens/s"), shown.sized, strict=True) if there]
    header = ["model", "rank", *(f"{c.title} ({c.metric} %)" for c in shown.columns)]
    header += ["macro mean"] * shown.macro + sizes
    lines = []
    for row in shown.rows:
        line = [clean(row.name), row.rank, *map(_cell_text, row.cells), *[_cell_text(row.macro)] * shown.macro]
        line += [number(x, d) for x, d, there in zip(row.sizes, (2, 2, 0), shown.sized, strict=True) if there]
        lines.append(line)
    notes = []
    if any(c.difference for row in shown.rows for c in row.cells):
        notes.append(
            "95 % intervals in brackets; after the semicolon the paired difference to the base in points, * where it is "
            "significant after Holm's correction."
        )
    return Table("Leaderboard", header, lines, notes)


def _cell_text(c: BoardCell) -> str:
    text = c.value + (" †" if c.sick else "") + (f" ({c.interval})" if c.interval else "")
    return f"{text}; {c.difference}{'*' if c.tone else ''}" if c.difference else text


def board_csv(summary: Summary, report: Comparison | None) -> str:
    """Fractions, one row a model and column, with its comparison where there is one."""
    found = {(row.task, row.variant): row for row in report.rows} if report else {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = (
        "model rank task metric n value low high broken diff diff_low diff_high p_holm verdict bits_per_weight size_mb"
    )
    writer.writerow([*names.split(), "tokens_per_second"])
    for row in summary.rows:
        sizes = [row.run.bits_per_weight, row.run.size_mb, row.run.tokens_per_second]
        for c in filter(None, row.cells):
            e, other = c.estimate, found.get((c.column.name, row.run.name))
            compared: list[float | str | None] = [None] * 5
            if other:
                d = other.change.difference
                compared = [d.value, d.low, d.high, other.p_holm, other.verdict]
            cells = [
                clean(row.run.name),
                row.rank,
                c.column.title,
                c.column.metric,
                e.n,
                e.value,
                e.low,
                e.high,
                c.sick,
            ]
            writer.writerow([_plain(value) for value in (*cells, *compared, *sizes)])
    return out.getvalue()


def _plain(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@") else text
