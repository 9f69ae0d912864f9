"""Leaderboards of runs, for `mcqa table`, the report and the ladder; reporting/leaderboard.py renders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcqa_suite.analysis.compare import Comparison, FailedCheck, health
from mcqa_suite.analysis.leaderboard.columns import (
    TaskColumn,
    every_column,
    nested_columns,
    scores_of,
    shared_columns,
)
from mcqa_suite.analysis.leaderboard.differences import Differ, differences_of, entries_against
from mcqa_suite.analysis.leaderboard.ranks import largest_complete, macro_mean, sound_columns, with_ranks
from mcqa_suite.analysis.leaderboard.result import BoardRow, Entry, Leaderboard
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.runs import Run


def leaderboard(
    runs: Sequence[Run],
    metric: str | None = None,
    *,
    comparison: Comparison | None = None,
    noise_floor: Run | None = None,
) -> Leaderboard:
    """Rank runs on the tasks and groups of the first, best first; differences come from `comparison`.

    Models without a macro mean come last. Raises ComparisonError if the runs share no task.
    """
    columns = shared_columns(runs, metric)
    nested = nested_columns(runs[0], columns)
    differences = {
        (row.variant, row.task, row.metric, row.filter): row for row in (comparison.rows if comparison else ())
    }
    differ = Differ(differences, copies=health.copies_among(runs))
    rows = [_row(run, columns, differ) for run in runs]
    if comparison:
        named = {run.name: run for run in runs}
        rows = [replace(row, parent=comparison.parents.get(row.run.name)) for row in rows]
        if not comparison.forced:
            rows = [
                replace(row, entries=entries_against(named[row.parent], row)) if row.parent else row for row in rows
            ]
        rows = [replace(row, kind="base") if row.run.name == comparison.base else row for row in rows]
    ranked_by = sound_columns(rows, columns)
    if nested is None and (len(columns) == 1 or all(is_share(column.metric) for column in columns)):
        rows = [replace(row, macro=macro_mean(row, ranked_by)) for row in rows]
    if not any(row.macro for row in rows):
        ranked_by = largest_complete(rows, columns)
    rows = with_ranks(rows, ranked_by)
    if noise_floor is not None:
        rows.append(replace(_row(noise_floor, columns, Differ(differences)), kind="noise floor"))
    families = comparison.families if comparison else ()
    shown = {key for column in columns for key in column.keys}
    titles = {task.title: None for run in runs for key, task in run.tasks.items() if key not in shown}
    judged = {(column.metric, column.filter) for column in columns}
    unclear = [(group.name, *item) for group in runs[0].groups.values() for item in group.unclear.items()]
    reasons = {f"{name}: {reason}": None for name, key, reason in unclear if key in judged}
    return Leaderboard(
        tuple(columns),
        tuple(rows),
        tuple(ranked_by),
        families,
        nested,
        not_shown=tuple(titles),
        no_means=tuple(reasons),
    )


def rung_leaderboard(runs: Sequence[Run], parents: Mapping[str, str | None]) -> Leaderboard:
    """Scores of every run on each group, task and accuracy, with differences to its parent; the first run is the base.

    `parents`: run name -> parent's name, None for the base.
    """
    columns = every_column(runs)
    by_name = {run.name: run for run in runs}
    pairs = [(by_name[name], run) for run in runs if (name := parents.get(run.name)) in by_name]
    differ = differences_of(pairs, columns, health.copies_among(runs))
    rows = []
    for run in runs:
        row = _row(run, columns, differ)
        rows.append(replace(row, kind="base" if run is runs[0] else "variant", parent=parents.get(run.name)))
    return Leaderboard(tuple(columns), tuple(rows), families=differ.families)


def _row(run: Run, columns: Sequence[TaskColumn], differ: Differ) -> BoardRow:
    entries: list[Entry | None] = []
    for column in columns:
        if entry := _entry(run, column, differ.copies):
            task = (run.name, column.name, column.filter)
            entry = replace(
                entry,
                change=differ.rows.get((run.name, column.name, column.metric, column.filter)),
                unpaired=differ.unpaired.get(task),
                differs=differ.asked_differently.get(task, ""),
            )
        entries.append(entry)
    return BoardRow(run, tuple(entries))


def _entry(run: Run, column: TaskColumn, copies: health.Copies) -> Entry | None:
    """The run's score on a column; None if it lacks a task of the column."""
    scores = scores_of(run, column)
    if scores is None:
        return None
    tasks = column.of(run)
    checks = [check for task in tasks for check in health.checks_of(task, run.name, column.metric, len(tasks))]
    if column.mean:
        checks = list(health.of_group(checks, column.name, {task.task: task.n for task in tasks}))
    checks += [copies[run.name, key] for key in column.keys if (run.name, key) in copies]
    faults = run.groups[column.name].faults if column.mean and column.name in run.groups else {}
    if fault := faults.get((column.metric, column.filter)):
        check = FailedCheck(column.name, run.name, fault.condition, fault.detail, fault.invalid, column.filter)
        checks.append(check)
    return Entry(column, scores.estimate, scores, tuple(checks), _unread(run, column))


def _unread(run: Run, column: TaskColumn) -> float | None:
    tasks = column.of(run)
    shares = [(task.n, task.unread) for task in tasks if task.unread is not None]
    return sum(n * share for n, share in shares) / sum(n for n, _ in shares) if len(shares) == len(tasks) else None
