"""Render a leaderboard, as models x tasks or as one table for each task, in Markdown, LaTeX or CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from math import isfinite
from typing import Any

from mcqa_suite.analysis.compare import ComparisonRow, bound_words, family_text, verdict_words
from mcqa_suite.analysis.compare.tasks import MOST_TASKS, assumption
from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard, TaskColumn
from mcqa_suite.common.lists import first_of
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
from mcqa_suite.reporting import published, tables
from mcqa_suite.reporting.comparison_data import difference_text
from mcqa_suite.reporting.tables import (
    MARKED,
    Table,
    clustered_text,
    csv_text,
    estimate_record,
    in_unit,
    interval_in_unit,
    number,
    p_value,
    percent,
    percent_range,
    unit,
)
from mcqa_suite.stats import Estimate

INTERVALS = "Intervals are 95 %: Wilson for an accuracy, Tango's score interval for a paired difference."
NOT_VALID = ": not valid ("  # in the line of a failed check that makes a row not valid
BY_TASK = (
    "model",
    "acc %",
    "95 % interval",
    "difference to parent (points)",
    "p Holm",
    "verdict",
    "at 95 %",
    "unread %",
)


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


def warning_lines(board: Leaderboard, columns: Iterable[int] | None = None) -> list[str]:
    """What stands behind ‡ in these columns, or in all: one line, or none."""
    warnings: dict[str, list[str]] = {}  # those whose scores it stands behind -> the warnings
    for index in range(len(board.columns)) if columns is None else columns:
        entries = {row.run.name: entry for row in board.rows if (entry := row.entries[index])}
        runs: dict[str, list[str]] = {}  # the warning -> names
        for name, entry in entries.items():
            for detail in () if entry.failed_check else entry.warnings:
                runs.setdefault(f"{entry.column.title}: {detail}", []).append(name)
        for warning, names in runs.items():
            whose = "all" if len(names) == len(entries) > 1 else ", ".join(names)
            warnings.setdefault(whose, []).append(warning)
    texts = [f"{whose}: {'; '.join(lines)}." for whose, lines in warnings.items()]
    return [f"‡ {' '.join(texts)}"] if texts else []


def _half_width(estimate: Estimate, metric: str) -> str:
    if not isfinite(estimate.half_width):
        return f"{in_unit(estimate.value, metric)} (no interval)"
    return f"{in_unit(estimate.value, metric)} ± {in_unit(estimate.half_width, metric)}"


def _foot(board: Leaderboard, compared: bool) -> str:
    if compared:
        return f"{INTERVALS} After the semicolon: the paired difference to {_parent(board)}{_points(board)}. {_families(board)}"
    if _points(board):
        return "Values are in %, ± half the width of the 95 % interval (Wilson, at the effective sample size)."
    return "Values are in the metric's own unit, ± half the width of the 95 % interval."


def _parent(board: Leaderboard) -> str:
    """The name of the model with which all others are compared, or "its parent"."""
    parents = {row.parent for row in board.rows if row.parent and row.kind == "variant"}
    return parents.pop() if len(parents) == 1 else "its parent"


def _points(board: Leaderboard) -> str:
    return unit(board.columns[0].metric, " in points")


def _families(board: Leaderboard) -> str:
    return f"p Holm: corrected within each family: {family_text(board.families)}. {MARKED}"


def notes(board: Leaderboard) -> list[str]:
    """Notes on ranks, missing tests, failed checks and unanswered items."""
    lines = [f"{line}." for line in cluster_lines(board)]
    lines += [assumption(column.title, column.metric) + "." for column in board.columns if column.assumed]
    if lower := [column.title for column in board.columns if not column.higher_is_better]:
        lines.append(f"Lower is better: {', '.join(lower)}.")
    if len(board.columns) > 1 and not is_share(board.columns[0].metric):
        lines.append(
            f"No macro mean: {board.columns[0].metric} has no common scale. Sorted by {board.ranked_by[0].title}."
        )
    if board.nested:
        first, second = board.nested
        filters = {column.filter for column in board.columns if column.several_filters}
        advice = "; --filter chooses one" if len(filters) > 1 else ""
        lines.append(
            f"No macro mean: {first} and {second} share documents{advice}. Sorted by {board.ranked_by[0].title}."
        )
    if any(row.inseparable for row in board.rows):
        lines.append("≈: no significant difference to the first (paired test, p >= .05 over all pairs of models).")
    if unranked := [f"{row.run.name}: {row.unranked}" for row in board.rows if row.unranked]:
        lines.append(f"Not ranked, because they were asked differently: {'; '.join(unranked)}.")
    refused = [
        f"{row.run.name}, {entry.column.title}: {entry.differs}"
        for row in board.rows
        for entry in row.entries
        if entry and entry.differs
    ]
    if refused:
        lines.append(f"Asked differently, so there is no difference: {'; '.join(refused)}.")
    if board.not_shown:
        several = "the first model and another one" if len(board.rows) > 1 else "the model"
        lines.append(
            f"Not shown: {first_of(board.not_shown, MOST_TASKS)}: {several} must have a score of it by one metric and filter."
        )
    lines += [f"No mean of {reason}." for reason in board.no_means]
    if mixed := [column.title for column in board.columns if column.mixed]:
        lines.append(f"Few-shot counts differ, so these columns are separate: {'; '.join(mixed)}.")
        if len(board.ranked_by) == 1:
            lines.append(f"Ranked by {board.ranked_by[0].title}; models without it have no rank.")
    lines += [f"{row.run.name}: {note}." for row in board.rows for note in row.run.notes]
    if ties := [row.run.name for row in board.rows if "=" in row.rank]:
        lines.append(f"Exact ties share a rank: {', '.join(ties)}.")
    lines += published.notes(board)
    entries = [(row.run.name, entry) for row in board.rows for entry in row.entries if entry and entry.failed_check]
    if invalid := [f"{name}, {entry.column.title}: {entry.failed_check}" for name, entry in entries]:
        lines.append(f"† not valid: {'; '.join(invalid)}.")
    ranked_by = set(board.ranked_by)
    left_out = [column.title for column in board.columns if column not in ranked_by]
    if left_out and len(board.ranked_by) > 1:
        lines.append(f"Ranks and means leave out {', '.join(left_out)}: the log of a model cannot be trusted there.")
    return [*lines, *warning_lines(board)]


def invalid_differences(board: Leaderboard, columns: Iterable[int]) -> list[str]:
    """A line for each failed check of a difference that is not valid although both scores are."""
    rows = {row.run.name: row for row in board.rows}
    lines: dict[str, None] = {}
    for index in columns:
        for row in board.rows:
            entry, parent = row.entries[index], rows.get(row.parent or "")
            before = parent.entries[index] if parent else None
            if not entry or entry.failed_check or (before and before.failed_check):
                continue
            if entry.change and entry.change.verdict == "not valid":
                lines |= dict.fromkeys(line for line in entry.change.warnings if NOT_VALID in line)
    return list(lines)


def cluster_lines(board: Leaderboard) -> list[str]:
    """A line for each field that names clusters."""
    columns: dict[str, dict[str, None]] = {}
    for entry in (entry for row in board.rows for entry in row.entries if entry):
        if entry.scores.rows.clusters is not None:
            columns.setdefault(entry.scores.clustered_by, {})[entry.column.title] = None
    return [clustered_text(field, tasks) for field, tasks in columns.items()]


def tables_by_task(board: Leaderboard) -> list[Table]:
    """One table for each group, other task, and metric: models with their differences to the parent."""
    return [_task_table(board, index, column) for index, column in enumerate(board.columns) if not column.in_group]


def _task_table(board: Leaderboard, index: int, column: TaskColumn) -> Table:
    sizes = size_columns(board)
    lines, unpaired, invalid, warned, refused = [], [], [], [], []
    for number_of_row, row in enumerate(board.rows):
        entry = row.entries[index]
        if entry is None:
            continue
        lines.append([*_task_cells(row, entry), *(values[number_of_row][1] for values in sizes.values())])
        unpaired += [f"{row.run.name}: {entry.unpaired}"] if entry.unpaired else []
        invalid += [f"{row.run.name}: {entry.failed_check}"] if entry.failed_check else []
        warned += [] if entry.failed_check else [f"{row.run.name}: {detail}" for detail in entry.warnings]
        refused += [f"{row.run.name}: {entry.differs}"] if entry.differs else []
    chance = f"chance {percent(column.chance)} %" if column.chance is not None else "no guessing"
    if column.constant:
        chance += f", always {column.constant[0]} {percent(column.constant[1])} %"
    n = next(entry.accuracy.n for row in board.rows if (entry := row.entries[index]))
    shots = "/".join(map(str, dict.fromkeys(column.shots)))
    mean = f"{column.mean.words} of {len(column.tasks)} tasks, " if column.mean else ""
    title = f"{column.title}, {column.metric} ({mean}n = {n}, {chance}, {shots}-shot)"
    differ = "Documents that differ between the runs, left out of the difference"
    foot = [f"{differ}: {', '.join(unpaired)}."] if unpaired else []
    foot += [f"Asked differently, so not subtracted: {'; '.join(refused)}."] if refused else []
    foot += [f"† not valid: {'; '.join(invalid)}."] if invalid else []
    foot += [f"Difference not valid: {line}." for line in invalid_differences(board, [index])]
    foot += [f"‡ {'; '.join(warned)}."] if warned else []
    return Table(title, [*BY_TASK, *sizes], lines, foot).without_empty_columns()


def _task_cells(row: BoardRow, entry: Entry) -> list[str]:
    accuracy, change = entry.accuracy, entry.change
    cells = (
        [difference_text(change), p_value(change.p_holm), verdict_words(change), bound_words(change)]
        if change
        else [entry.differs and ASKED_DIFFERENTLY, "", "", ""]
    )
    return [
        name_of(row),
        percent(accuracy.value) + mark_of(entry),
        percent_range(accuracy),
        *cells,
        percent(entry.unread),
    ]


def markdown_by_task(board: Leaderboard) -> str:
    """The text of the ladder's leaderboard.md."""
    parts = [tables.markdown(table) for table in tables_by_task(board)]
    clusters = "".join(f"{line}. " for line in cluster_lines(board))
    return "\n".join([*parts, f"{clusters}{INTERVALS} {_families(board)} Unread counts as wrong.\n"])


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
