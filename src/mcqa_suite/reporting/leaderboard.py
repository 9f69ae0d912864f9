"""Render a leaderboard as models x tasks, in Markdown, LaTeX or CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from math import isfinite
from typing import Any

from mcqa_suite.analysis.compare import ComparisonRow
from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
from mcqa_suite.reporting import published, tables
from mcqa_suite.reporting.comparison_data import difference_text
from mcqa_suite.reporting.leaderboard_notes import families_line, notes
from mcqa_suite.reporting.tables import (
    Table,
    csv_text,
    estimate_record,
    in_unit,
    interval_in_unit,
    number,
    percent,
    unit,
)
from mcqa_suite.stats import Estimate

INTERVALS = "Intervals are 95 %: Wilson for an accuracy, Tango's score interval for a paired difference."


def name_of(row: BoardRow) -> str:
    return f"{row.run.name} (noise floor)" if row.kind == "noise floor" else row.run.name


def size_columns(board: Leaderboard) -> dict[str, list[tuple[float | None, str]]]:
    """Columns of bits per weight and size: title -> (value, text) of each row. Empty columns are omitted."""
    runs = [row.run for row in board.rows]
    sizes = [run.origin.size_mb for run in runs if run.origin.size_mb is not None]
    # All in one unit: GB where the largest has 1 and the smallest 0.01, else MB.
    unit, size = ("GB", 1000) if sizes and max(sizes) >= 1000 and min(sizes) >= 10 else ("MB", 1)
    columns = {
        "bits/weight": ([run.origin.bits_per_weight for run in runs], 2),
        unit: ([run.origin.size_mb and run.origin.size_mb / size for run in runs], 2),
    }
    return {
        title: [(value, number(value, digits)) for value in values]
        for title, (values, digits) in columns.items()
        if any(value is not None for value in values)
    }


def unread_columns(board: Leaderboard) -> dict[str, list[tuple[float | None, str]]]:
    """The unread shares of each column of generated answers: title -> (value, text) of each row."""
    columns = {}
    for index, column in enumerate(board.columns):
        entries = [row.entries[index] for row in board.rows]
        shares = [None if entry is None else entry.unread for entry in entries]
        if any(share is not None for share in shares):
            columns[f"unread % of {column.title}"] = [(share, percent(share)) for share in shares]
    return columns


def models_by_tasks(board: Leaderboard) -> Table:
    """One row for each model and one column for each task; then chance, and always answering the most frequent letter.

    Shares of unread answers and sizes follow in columns of their own.
    """
    sizes = {**unread_columns(board), **published.reward_column(board), **size_columns(board)}
    compared = any(entry.change for row in board.rows for entry in row.entries if entry)
    header = ["model", "rank", *(f"{column.title} ({column.metric})" for column in board.columns), "macro mean", *sizes]
    lines = []
    for index, row in enumerate(board.rows):
        cells = [_cell(entry, compared) for entry in row.entries]
        macro = "" if row.macro is None else _half_width(row.macro, board.columns[0].metric)
        lines.append([name_of(row), rank_text(row), *cells, macro, *(column[index][1] for column in sizes.values())])
    lines += published.lines(board, list(sizes))
    blank = [""] * (1 + len(sizes))
    for name, texts in references(board).items():
        lines.append([name, "", *texts, *blank])
    title = f"Leaderboard ({board.subset})" if board.subset else "Leaderboard"
    return Table(title, header, lines, [*notes(board), _foot(board, compared)])


def references(board: Leaderboard) -> dict[str, list[str]]:
    """The accuracy of guessing and of always answering the most frequent letter, for each column."""
    if not any(column.chance for column in board.columns):
        return {}
    letters = [f"{c.constant[0]} {percent(c.constant[1])}" if c.constant else "" for c in board.columns]
    return {"chance": [percent(c.chance) for c in board.columns], "always the most frequent letter": letters}


def rank_text(row: BoardRow) -> str:
    return f"{row.rank}{' ≈' if row.inseparable else ''}"


def _cell(entry: Entry | None, compared: bool) -> str:
    if entry is None:
        return "–"
    metric = entry.column.metric
    text = interval_in_unit(entry.accuracy, metric) if compared else _half_width(entry.accuracy, metric)
    text += mark_of(entry)
    if entry.differs:
        return f"{text}; {ASKED_DIFFERENTLY}"
    return f"{text}; {_difference(entry.change)}" if entry.change else text


def _difference(row: ComparisonRow) -> str:
    return f"{difference_text(row)}{' (not valid)' if row.verdict == 'not valid' else ''}"


def mark_of(entry: Entry) -> str:
    """† where a score is not valid, ‡ where there is a warning."""
    return " †" if entry.failed_check else " ‡" if entry.warnings else ""


def _half_width(estimate: Estimate, metric: str) -> str:
    if not isfinite(estimate.half_width):
        return f"{in_unit(estimate.value, metric)} (no interval)"
    return f"{in_unit(estimate.value, metric)} ± {in_unit(estimate.half_width, metric)}"


def _foot(board: Leaderboard, compared: bool) -> str:
    if compared:
        difference = f"After the semicolon: the paired difference to {_parent(board)}{_points(board)}."
        return f"{INTERVALS} {difference} {families_line(board)}"
    if _points(board):
        return "Values are in %, ± half the width of the 95 % interval (Wilson, at the effective sample size)."
    return "Values are in the metric's own unit, ± half the width of the 95 % interval."


def _parent(board: Leaderboard) -> str:
    """The name of the model with which all others are compared, or "its parent"."""
    parents = {row.parent for row in board.rows if row.parent and row.kind == "variant"}
    return parents.pop() if len(parents) == 1 else "its parent"


def _points(board: Leaderboard) -> str:
    return unit(board.columns[0].metric, " in points")


def leaderboard_rows(board: Leaderboard) -> list[dict[str, Any]]:
    """One record for each model, task and metric, and one for each macro mean; shares and differences are fractions of 1.

    Differences to the parent are included if the leaderboard compares runs.
    """
    refused = any(entry and entry.differs for row in board.rows for entry in row.entries)
    own = [record for row in board.rows for record in _records(row, compared=bool(board.families) or refused)]
    return [*own, *published.records(board)]


def _records(row: BoardRow, *, compared: bool) -> Iterator[dict[str, Any]]:
    head = {
        "model": name_of(row),
        "rank": row.rank,
        "inseparable_from_first": int(row.inseparable),
        "not_ranked": row.unranked,
    }
    sizes = {name: getattr(row.run.origin, name) for name in ("bits_per_weight", "size_mb")}
    sizes |= asdict(row.run.origin.speed)
    for entry in filter(None, row.entries):
        column, accuracy = entry.column, entry.accuracy
        yield {
            **head,
            "task": column.title_without_filter,
            "metric": column.metric,
            "filter": column.filter,
            "higher_is_better": column.higher_is_better,
            "n": accuracy.n,
            "value": accuracy.value,
            "low": accuracy.low,
            "high": accuracy.high,
            "not_valid": entry.failed_check,
            "warnings": "; ".join(entry.warnings),
            "chance": column.chance,
            "unread": entry.unread,
            **(_compared_record(row, entry) if compared else {}),
            **sizes,
        }
    if row.macro is not None:
        values = {"value": row.macro.value, "low": row.macro.low, "high": row.macro.high}
        yield {**head, "task": "macro mean", **values, **sizes}


def _compared_record(row: BoardRow, entry: Entry) -> dict[str, Any]:
    change = entry.change
    return {
        "parent": row.parent,
        **estimate_record("difference", change.change.difference if change else None),
        "bound": change and change.bound,
        "p_holm": change and change.p_holm,
        "verdict": change and change.verdict,
        "unpaired": entry.unpaired,
        "asked_differently": entry.differs or None,
    }


def markdown(board: Leaderboard) -> str:
    return tables.markdown(models_by_tasks(board))


def latex(board: Leaderboard) -> str:
    return tables.latex(models_by_tasks(board))


def as_csv(board: Leaderboard) -> str:
    return csv_text(leaderboard_rows(board))


FORMATS: dict[str, Callable[[Leaderboard], str]] = {"md": markdown, "csv": as_csv, "latex": latex}
