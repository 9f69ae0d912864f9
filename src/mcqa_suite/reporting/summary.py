"""What `mcqa table` prints: models in rows, tasks and their macro mean in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

from mcqa_suite import stats
from mcqa_suite.analysis.compare.columns import Cell, Column, cell, columns_of, nested_columns, separable
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.tables import Table, in_one_unit, number, percent

CSV_HEADER = (
    "model",
    "rank",
    "inseparable_from_first",
    "task",
    "metric",
    "n",
    "value",
    "low",
    "high",
    "broken",
    "bits_per_weight",
    "size_mb",
    "tokens_per_second",
)


@dataclass(frozen=True)
class Row:
    """A model: a cell a column (None where it has none), and the macro mean if every cell is there and sound. `unpaired`: it
    answered none of the first one's documents in the same words, so no test can tell the two apart."""

    run: Run
    cells: tuple[Cell | None, ...]
    macro: float | None
    macro_half_width: float | None
    rank: str = ""
    inseparable: bool = False
    unpaired: bool = False


@dataclass(frozen=True)
class Summary:
    """Rows from best to worst; models without a macro mean come last."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    subset: str | None = None


def summarise(runs: Sequence[Run], metric: str | None = None) -> Summary:
    """Every model on every task of the first; raises ComparisonError where they have no task in common."""
    columns = columns_of(runs, metric)
    nested = nested_columns(runs[0], columns)
    rows = [_row(run, columns, macro=nested is None) for run in runs]
    by = columns if any(row.macro is not None for row in rows) else _first_sound(rows, columns)
    rows = _ranked(sorted(rows, key=lambda row: -_value(row, by)), by)
    notes = []
    if nested:
        notes.append(f"No macro mean: {nested[0]} and {nested[1]} share documents. Sorted by {by[0].title}.")
    if any(row.inseparable for row in rows):
        notes.append("≈: not separable from the first (paired test, Holm-corrected, p >= .05).")
    if alone := [row.run.name for row in rows if row.unpaired]:
        notes.append(
            f"Not tested against the first, for want of documents asked in the same words: {', '.join(alone)}."
        )
    if mixed := [column.title for column in columns if column.mixed]:
        notes.append(f"Few-shot counts differ, so these are columns of their own: {'; '.join(mixed)}.")
    if ties := [row.run.name for row in rows if "=" in row.rank]:
        notes.append(f"Exact ties share a rank: {', '.join(ties)}.")
    if sick := [f"{row.run.name}, {c.column.title}: {c.sick}" for row in rows for c in row.cells if c and c.sick]:
        notes.append(f"† broken, and in no mean: {'; '.join(sick)}.")
    for run in runs:
        if lost := [(t.task, len(t.samples.failed), t.n) for t in run.by_task.values() if t.samples.failed]:
            told = ", ".join(f"{task} {failed} of {failed + n}" for task, failed, n in lost)
            notes.append(f"No answer from the server, and in no score: {run.name}: {told}.")
    notes.append("Values are % with the half-width of their 95 % interval (Wilson; macro mean: normal).")
    if mixed and len(by) == 1:
        notes.append(f"Ranked by {by[0].title}; models without it have no rank.")
    return Summary(tuple(columns), tuple(rows), tuple(notes))


def _row(run: Run, columns: Sequence[Column], *, macro: bool) -> Row:
    cells = tuple(cell(run, column) for column in columns)
    sound = [c for c in cells if c is not None and not c.sick]
    if not macro or len(sound) < len(columns):
        return Row(run, cells, None, None)
    mean = sum(c.estimate.value for c in sound) / len(sound)
    error = sqrt(sum(c.standard_error**2 for c in sound)) / len(sound)
    return Row(run, cells, mean, 1.959964 * error)


def _first_sound(rows: Sequence[Row], columns: Sequence[Column]) -> list[Column]:
    """The first column in which every cell is there and sound, else the first of all."""
    for index, column in enumerate(columns):
        if all((c := row.cells[index]) is not None and not c.sick for row in rows):
            return [column]
    return list(columns[:1])


def _value(row: Row, by: Sequence[Column]) -> float:
    """What a row is sorted by: the macro mean, or the only column; -1 where it has none that is sound."""
    if len(by) > 1:
        return -1.0 if row.macro is None else row.macro
    found = next((c for c in row.cells if c is not None and c.column == by[0]), None)
    return -1.0 if found is None or found.sick else found.estimate.value


def _ranked(rows: list[Row], by: Sequence[Column]) -> list[Row]:
    """With ranks, and whether each model can be told from the first at all."""
    values = [_value(row, by) for row in rows]
    sound = [row for row, value in zip(rows, values, strict=True) if value >= 0]
    raw = [separable(sound[0].run, row.run, by) for row in sound[1:]]
    holm = iter(stats.holm([p for p in raw if p is not None]))
    corrected = [0.0, *(1.0 if p is None else next(holm) for p in raw)]
    done: list[Row] = []
    for row, value, p in zip(sound, values, corrected, strict=False):
        rank = f"{1 + sum(other > value for other in values)}{'=' if values.count(value) > 1 else ''}"
        alone = len(done) > 0 and raw[len(done) - 1] is None
        done.append(replace(row, rank=rank, inseparable=p >= 0.05 and not alone, unpaired=alone))
    return done + rows[len(sound) :]


def _table(summary: Summary) -> Table:
    runs = [row.run for row in summary.rows]
    unit, sizes = in_one_unit([run.size_mb for run in runs])
    columns = {
        "bits/weight": [number(run.bits_per_weight, 2) for run in runs],
        unit: [number(size, 2) for size in sizes],
        "tokens/s": [number(run.tokens_per_second, 0) for run in runs],
    }
    shown = {title: column for title, column in columns.items() if any(column)}
    header = [
        "model",
        "rank",
        *(f"{column.title} ({column.metric})" for column in summary.columns),
        "macro mean",
        *shown,
    ]
    lines = []
    for index, row in enumerate(summary.rows):
        rank = row.rank + (" ≈" if row.inseparable else "")
        macro = "" if row.macro is None else f"{percent(row.macro)} ± {percent(row.macro_half_width)}"
        cells = [_text(c) for c in row.cells]
        lines.append([row.run.name, rank, *cells, macro, *(column[index] for column in shown.values())])
    chances = [f"{percent(column.chance)}" for column in summary.columns]
    if any(chances):
        letters = [f"{c.constant[0]} {percent(c.constant[1])}" if c.constant else "" for c in summary.columns]
        lines.append(["chance", "", *chances, *[""] * (1 + len(shown))])
        lines.append(["always the commonest letter", "", *letters, *[""] * (1 + len(shown))])
    title = f"Leaderboard ({summary.subset})" if summary.subset else "Leaderboard"
    return Table(title, header, lines, summary.notes)


def _text(c: Cell | None) -> str:
    if c is None:
        return "–"
    return f"{percent(c.estimate.value)} ± {percent(c.estimate.half_width)}{' †' if c.sick else ''}"


def markdown(summary: Summary) -> str:
    return tables.markdown(_table(summary))


def latex(summary: Summary) -> str:
    return tables.latex(_table(summary))


def summary_rows(summary: Summary) -> list[dict[str, Any]]:
    """One record a model and column, as fractions; the macro mean is a column of its own."""
    rows: list[tuple[Any, ...]] = []
    for row in summary.rows:
        head = (row.run.name, row.rank, int(row.inseparable))
        sizes = (row.run.bits_per_weight, row.run.size_mb, row.run.tokens_per_second)
        for c in row.cells:
            if c is not None:
                e = c.estimate
                rows.append((*head, c.column.title, c.column.metric, e.n, e.value, e.low, e.high, c.sick, *sizes))
        if row.macro is not None and row.macro_half_width is not None:
            low, high = row.macro - row.macro_half_width, row.macro + row.macro_half_width
            rows.append((*head, "macro mean", "", None, row.macro, low, high, "", *sizes))
    return [dict(zip(CSV_HEADER, row, strict=True)) for row in rows]


def as_csv(summary: Summary) -> str:
    """The records as CSV."""
    return tables.csv_text(summary_rows(summary), CSV_HEADER)


FORMATS: dict[str, Callable[[Summary], str]] = {"md": markdown, "csv": as_csv, "latex": latex}
