"""Leaderboards of runs, for `mcqa table`, the report and the ladder; reporting/leaderboard.py renders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Literal

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, Family, health, measure
from mcqa_suite.analysis.compare.pairing import Pairs, pair, scored
from mcqa_suite.analysis.compare.significance import LEVEL, against_best, with_verdicts
from mcqa_suite.analysis.compare.tasks import Options, pair_task, task_row
from mcqa_suite.analysis.leaderboard.columns import (
    Scores,
    TaskColumn,
    every_task,
    mean_of_columns,
    nested_columns,
    normed,
    scores_of,
    shared_columns,
    weights_of,
)
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.settings import difference_words
from mcqa_suite.stats import Estimate

Differences = Mapping[tuple[str, str, str, str], ComparisonRow]  # by model, task, metric and filter
NO_PAIRS = "no document has the same prompt"


@dataclass(frozen=True)
class Entry:
    """A model's score on a task or group.

    `failed_check`: the health check that failed, or "". `unread`: share of unread answers, None if nothing was generated.
    `unpaired`: documents left out of the difference to the base, because the runs differ in them; None without a difference.
    `base_differs`, `parent_differs`: why there is no difference where the other was asked differently, else "".
    """

    column: TaskColumn
    accuracy: Estimate
    scores: Scores
    failed_check: str
    unread: float | None
    to_base: ComparisonRow | None = None
    to_parent: ComparisonRow | None = None
    unpaired: int | None = None
    base_differs: str = ""
    parent_differs: str = ""


@dataclass(frozen=True)
class BoardRow:
    """A model: one entry for each column, None for a task that it lacks.

    `macro`: the mean over columns, None if an entry is missing or failed a check. `inseparable`: no significant difference to
    the first model. `untested`: why it could not be tested against the first model, "" where it was. A noise floor has no rank.
    """

    run: Run
    entries: tuple[Entry | None, ...]
    kind: Literal["base", "variant", "noise floor"] = "variant"
    parent: str | None = None
    macro: Estimate | None = None
    rank: str = ""
    inseparable: bool = False
    untested: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """`ranked_by`: the columns whose mean ranks the rows; empty if the rows keep their given order.

    `families`, `parent_families`: the rows whose p-values were corrected together. `nested`: two columns that share documents,
    so that there is no macro mean. `subset`: a note that names the documents that were read; None for all.
    """

    columns: tuple[TaskColumn, ...]
    rows: tuple[BoardRow, ...]
    ranked_by: tuple[TaskColumn, ...] = ()
    families: tuple[Family, ...] = ()
    parent_families: tuple[Family, ...] = ()
    nested: tuple[str, str] | None = None
    subset: str | None = None


def leaderboard(
    runs: Sequence[Run],
    metric: str | None = None,
    *,
    comparison: Comparison | None = None,
    noise_floor: Run | None = None,
) -> Leaderboard:
    """Rank runs on the tasks and groups of the first, best first; differences to the base come from `comparison`.

    Models without a macro mean come last. Raises ComparisonError if the runs share no task.
    """
    columns = shared_columns(runs, metric)
    nested = nested_columns(runs[0], columns)
    differences = {
        (row.variant, row.task, row.metric, row.filter): row for row in (comparison.rows if comparison else ())
    }
    macro = nested is None and (len(columns) == 1 or all(is_share(column.metric) for column in columns))
    rows = [_row(run, columns, Differ(differences), macro=macro) for run in runs]
    if comparison and (base := next((run for run in runs if run.name == comparison.base), None)):
        rows = [replace(row, entries=_against(base, row)) for row in rows]
    rows = [replace(row, kind="base") if comparison and row.run.name == comparison.base else row for row in rows]
    ranked_by = columns if any(row.macro for row in rows) else _first_complete(rows, columns)
    rows = _ranked(sorted(rows, key=lambda row: -_goodness(row, ranked_by)), ranked_by)
    if noise_floor is not None:
        rows.append(replace(_row(noise_floor, columns, Differ(differences), macro=False), kind="noise floor"))
    families = comparison.families if comparison else ()
    return Leaderboard(tuple(columns), tuple(rows), tuple(ranked_by), families, nested=nested)


def rung_leaderboard(runs: Sequence[Run], parents: Mapping[str, str | None]) -> Leaderboard:
    """Scores of every run on each task and accuracy, with differences to the base, which is the first run, and to the parent.

    `parents`: run name -> parent's name. The difference to a parent is omitted if it is the base or not among the runs.
    """
    base, *rungs = runs
    columns = every_task(runs)
    by_name = {run.name: run for run in runs}
    to_base = _differences([(base, run) for run in rungs], columns)
    pairs = [(by_name[name], run) for run in rungs if (name := parents.get(run.name)) in by_name and name != base.name]
    to_parent = _differences(pairs, columns)
    rows = []
    for run in runs:
        row = _row(run, columns, to_base, to_parent, macro=False)
        rows.append(replace(row, kind="base" if run is base else "variant", parent=parents.get(run.name)))
    return Leaderboard(tuple(columns), tuple(rows), families=to_base.families, parent_families=to_parent.families)


@dataclass(frozen=True)
class Differ:
    """Differences of several models to another: the `rows` and their families; by model, task and filter, how many documents
    are `unpaired`, and why there is no row where the two were `asked_differently`."""

    rows: Differences = field(default_factory=dict)
    families: tuple[Family, ...] = ()
    unpaired: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    asked_differently: Mapping[tuple[str, str, str], str] = field(default_factory=dict)


def _differences(pairs: Sequence[tuple[Run, Run]], columns: Sequence[TaskColumn]) -> Differ:
    """Compare each (base, variant) on each column, unless it was asked differently."""
    options, rows = Options(), []
    unpaired: dict[tuple[str, str, str], int] = {}
    refused: dict[tuple[str, str, str], str] = {}
    for base, variant in pairs:
        for column in columns:
            key = (column.name, column.filter)
            if key not in base.tasks or key not in variant.tasks:
                continue
            if reason := _refusal(base, variant, column):
                refused[variant.name, *key] = reason
                continue
            try:
                task = pair_task(base, variant, key, column.metric, len(pairs) * len(columns))
            except ComparisonError:  # the variant lacks the metric
                continue
            unpaired[variant.name, *key] = task.unpaired.total
            if task.pairs.n:
                rows.append(task_row(task, variant.name, "task", options.margin))
    judged, families = with_verdicts(rows, options.margin)
    by_key = {(row.variant, row.task, row.metric, row.filter): row for row in judged}
    return Differ(by_key, families, unpaired, refused)


def _refusal(first: Run, second: Run, column: TaskColumn) -> str:
    """In what the runs were asked differently, in the first such task of a column; "" where they may be subtracted."""
    for key in column.keys:
        ours, theirs = first.tasks.get(key), second.tasks.get(key)
        if ours and theirs and (pairs := ours.asked_differently(theirs)):
            words = difference_words(pairs, first.name, second.name)
            return words if len(column.tasks) == 1 else f"{key[0]}: {words}"
    return ""


def _against(base: Run, row: BoardRow) -> tuple[Entry | None, ...]:
    """The entries of a row, with the reason where a difference to the base is missing because it was asked differently."""
    return tuple(
        entry if entry is None or entry.to_base else replace(entry, base_differs=_refusal(base, row.run, entry.column))
        for entry in row.entries
    )


def _row(
    run: Run,
    columns: Sequence[TaskColumn],
    to_base: Differ,
    to_parent: Differ = Differ(),
    *,
    macro: bool,
) -> BoardRow:
    entries: list[Entry | None] = []
    for column in columns:
        entry, key, task = (
            _entry(run, column),
            (run.name, column.name, column.metric, column.filter),
            (run.name, column.name, column.filter),
        )
        differences: dict[str, Any] = {
            "to_base": to_base.rows.get(key),
            "to_parent": to_parent.rows.get(key),
            "unpaired": to_base.unpaired.get(task),
            "base_differs": to_base.asked_differently.get(task, ""),
            "parent_differs": to_parent.asked_differently.get(task, ""),
        }
        entries.append(entry and replace(entry, **differences))
    macro &= run.is_of_one_model(key for column in columns for key in column.keys)
    return BoardRow(run, tuple(entries), macro=_macro(entries) if macro else None)


def _entry(run: Run, column: TaskColumn) -> Entry | None:
    """The run's score on a column; None if it lacks a task of the column."""
    scores = scores_of(run, column)
    if scores is None:
        return None
    return Entry(column, scores.estimate, scores, _failed_check(run, column), _unread(run, column))


def _unread(run: Run, column: TaskColumn) -> float | None:
    tasks = column.of(run)
    shares = [(task.n, task.unread) for task in tasks if task.unread is not None]
    return sum(n * share for n, share in shares) / sum(n for n, _ in shares) if len(shares) == len(tasks) else None


def _failed_check(run: Run, column: TaskColumn) -> str:
    for task in column.of(run):
        name, samples = task.task, task.samples
        pairs, _ = pair(samples, samples, column.metric)
        comparisons = len(column.tasks)
        for check in health.failed_checks(pairs, name, run.name, run.name, same_model=True, comparisons=comparisons):
            if check.invalid:
                return check.condition if len(column.tasks) == 1 else f"{check.condition} in {name}"
    return ""


def _macro(entries: Sequence[Entry | None]) -> Estimate | None:
    """The mean over columns; None if an entry is missing or failed a check."""
    sound = [entry for entry in entries if entry is not None and not entry.failed_check]
    if not sound or len(sound) < len(entries):
        return None
    return mean_of_columns([entry.scores for entry in sound]).estimate


def _first_complete(rows: Sequence[BoardRow], columns: Sequence[TaskColumn]) -> list[TaskColumn]:
    """The first column on which every model has a score that passes the checks; else the first column."""
    for index, column in enumerate(columns):
        if all((entry := row.entries[index]) is not None and not entry.failed_check for row in rows):
            return [column]
    return list(columns[:1])


def _goodness(row: BoardRow, ranked_by: Sequence[TaskColumn]) -> float:
    """The value that sorts a row, the best highest: its macro mean, or its score on the only column, with the sign of the
    metric's direction; -inf if missing or a check failed."""
    sign = 1 if ranked_by[0].higher_is_better else -1
    if len(ranked_by) > 1:
        return -inf if row.macro is None else sign * row.macro.value
    entry = next((entry for entry in row.entries if entry is not None and entry.column == ranked_by[0]), None)
    return -inf if entry is None or entry.failed_check else sign * entry.accuracy.value


def _ranked(rows: list[BoardRow], ranked_by: Sequence[TaskColumn]) -> list[BoardRow]:
    """Add ranks, and whether the difference of each model to the first is significant."""
    values = [_goodness(row, ranked_by) for row in rows]
    sound = [row for row, value in zip(rows, values, strict=True) if value > -inf]
    refusals = [_untested(sound[0].run, row.run, ranked_by) for row in sound[1:]]
    p_values = [
        None if refusal else _paired_p(sound[0].run, row.run, ranked_by)
        for row, refusal in zip(sound[1:], refusals, strict=True)
    ]
    corrected = iter(against_best([p for p in p_values if p is not None], len(sound)))
    ranked = []
    for row, value, p, refusal in zip(sound, values, [0.0, *p_values], ["", *refusals], strict=False):
        rank = f"{1 + sum(other > value for other in values)}{'=' if values.count(value) > 1 else ''}"
        inseparable = row is not sound[0] and p is not None and next(corrected) >= LEVEL
        untested = refusal or ("" if p is not None else NO_PAIRS)
        ranked.append(replace(row, rank=rank, inseparable=inseparable, untested=untested))
    return ranked + rows[len(sound) :]


def _untested(first: Run, second: Run, columns: Sequence[TaskColumn]) -> str:
    """In what two models were asked differently, in the first such task of the columns; "" where they may be tested."""
    return next((reason for column in columns if (reason := _refusal(first, second, column))), "")


def _paired_p(first: Run, second: Run, columns: Sequence[TaskColumn]) -> float | None:
    """Paired p of no difference between two models' means over columns, as of a comparison; None for a task without pairs."""
    parts: list[Pairs] = []
    weights: list[float] = []
    for column in columns:
        tasks = [(first.tasks[key].samples, second.tasks[key].samples) for key in column.keys]
        own = [scored(pair(*samples, column.metric)[0]) for samples in tasks]
        counts = [pairs.n for pairs in own]
        if not all(counts):
            return None
        shares = weights_of(first, column, counts)
        if len(columns) == 1:
            return measure.change(own, shares, Options().margin, resamples=0).p
        parts += own
        weights += normed(shares or counts)
    return measure.change(parts, weights, Options().margin, resamples=0).p
