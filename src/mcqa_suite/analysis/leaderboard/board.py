"""Leaderboards of runs, for `mcqa table`, the report and the ladder; reporting/leaderboard.py renders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, FailedCheck, Family, health, measure
from mcqa_suite.analysis.compare.pairing import Pairs, pair, scored
from mcqa_suite.analysis.compare.result import Key
from mcqa_suite.analysis.compare.tasks import Options, PairedTask, pair_task, rows_of, with_copies
from mcqa_suite.analysis.compare.verdicts import LEVEL, against_best, with_verdicts
from mcqa_suite.analysis.leaderboard.columns import (
    Scores,
    TaskColumn,
    every_column,
    mean_of_columns,
    nested_columns,
    normed,
    scores_of,
    shared_columns,
    weights_of,
)
from mcqa_suite.analysis.leaderboard.published import PublishedModel
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.agreement import refusal
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.runs import Run
from mcqa_suite.stats import Estimate

Differences = Mapping[tuple[str, str, str, str], ComparisonRow]  # by model, task, metric and filter


@dataclass(frozen=True)
class Entry:
    """A model's score on a task or group.

    `checks`: the health checks that failed. `unread`: share of unread answers, None if nothing was generated.
    `change`: against the model's parent, None where the board compares nothing. `unpaired`: documents left out of it, because
    the runs differ in them. `differs`: why there is no difference where the parent was asked differently, else "".
    """

    column: TaskColumn
    accuracy: Estimate
    scores: Scores
    checks: tuple[FailedCheck, ...]
    unread: float | None
    change: ComparisonRow | None = None
    unpaired: int | None = None
    differs: str = ""

    @property
    def failed_check(self) -> str:
        """Why the score is not valid; "" where it is."""
        invalid = [check for check in self.checks if check.invalid]
        texts = [f"{check.condition}: {check.detail}" if check.of_input else check.condition for check in invalid]
        if len(self.column.tasks) == 1:
            return ", ".join(texts)
        if not texts:
            return ""
        return texts[0] if invalid[0].task == self.column.name else f"{texts[0]} in {invalid[0].task}"

    @property
    def is_sound(self) -> bool:
        """Whether the score enters means and ranks: a model that guesses is ranked by what it scored, a doctored log is not."""
        return not any(check.of_input for check in self.checks)

    @property
    def warnings(self) -> list[str]:
        """The details of failed checks in spite of which the score is valid."""
        valid = [check for check in self.checks if not check.invalid]
        return [c.detail if c.task == self.column.name else f"{c.task}: {c.detail}" for c in valid]


@dataclass(frozen=True)
class BoardRow:
    """A model: one entry for each column, None for a task that it lacks.

    `macro`: the mean over the columns that rank the rows, None if an entry is missing or its log cannot be trusted.
    `inseparable`: no significant difference to the first model. `unranked`: in what it was asked differently from the first run
    that was given, so that it has no rank; else "". A noise floor has no rank.
    """

    run: Run
    entries: tuple[Entry | None, ...]
    kind: Literal["base", "variant", "noise floor"] = "variant"
    parent: str | None = None
    macro: Estimate | None = None
    rank: str = ""
    inseparable: bool = False
    unranked: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """`ranked_by`: the columns whose mean ranks the rows; empty if the rows keep their given order.

    `families`: the rows whose p-values were corrected together. `nested`: two columns that share documents,
    so that there is no macro mean. `not_shown`: titles of tasks that are in no column; `no_means`: why the first run's groups
    have none. `subset`: a note that names the documents that were read; None for all. `published`: scores of other models.
    """

    columns: tuple[TaskColumn, ...]
    rows: tuple[BoardRow, ...]
    ranked_by: tuple[TaskColumn, ...] = ()
    families: tuple[Family, ...] = ()
    nested: tuple[str, str] | None = None
    not_shown: tuple[str, ...] = ()
    no_means: tuple[str, ...] = ()
    subset: str | None = None
    published: tuple[PublishedModel, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each score that is not valid for what was read."""
        entries = [entry for row in self.rows for entry in row.entries if entry]
        return tuple(dict.fromkeys(check.line for entry in entries for check in entry.checks if check.of_input))


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
            rows = [replace(row, entries=_against(named[row.parent], row)) if row.parent else row for row in rows]
        rows = [replace(row, kind="base") if row.run.name == comparison.base else row for row in rows]
    ranked_by = _sound_columns(rows, columns)
    if nested is None and (len(columns) == 1 or all(is_share(column.metric) for column in columns)):
        rows = [replace(row, macro=_macro(row, ranked_by)) for row in rows]
    if not any(row.macro for row in rows):
        ranked_by = _largest_complete(rows, columns)
    rows = _ranked(rows, ranked_by)
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
    differ = _differences(pairs, columns, health.copies_among(runs))
    rows = []
    for run in runs:
        row = _row(run, columns, differ)
        rows.append(replace(row, kind="base" if run is runs[0] else "variant", parent=parents.get(run.name)))
    return Leaderboard(tuple(columns), tuple(rows), families=differ.families)


@dataclass(frozen=True)
class Differ:
    """Differences of models to their parents: the `rows` and their families; by model, task and filter, which are `copies`
    of another model's, how many documents are `unpaired`, and why there is no row where the two were `asked_differently`."""

    rows: Differences = field(default_factory=dict)
    families: tuple[Family, ...] = ()
    copies: health.Copies = field(default_factory=dict)
    unpaired: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    asked_differently: Mapping[tuple[str, str, str], str] = field(default_factory=dict)


def _differences(pairs: Sequence[tuple[Run, Run]], columns: Sequence[TaskColumn], copies: health.Copies) -> Differ:
    """Compare each (parent, variant) on each column, unless it was asked differently."""
    options, comparisons = Options(), len(pairs) * len(columns)
    rows: list[ComparisonRow] = []
    beside: list[ComparisonRow] = []  # of metrics by which no task is judged: families of their own
    unpaired: dict[tuple[str, str, str], int] = {}
    refused: dict[tuple[str, str, str], str] = {}
    for base, variant in pairs:
        paired: dict[tuple[Key, str], PairedTask] = {}  # a group and its tasks need the same
        for column in columns:
            if any(key not in run.tasks for run in (base, variant) for key in column.keys):
                continue
            own = (variant.name, column.name, column.filter)
            if reason := _refusal(base, variant, column):
                refused[own] = reason
                continue
            try:
                for key in column.keys:
                    if (key, column.metric) not in paired:
                        task = pair_task(base, variant, key, column.metric, comparisons)
                        paired[key, column.metric] = with_copies(task, copies.get((variant.name, key)))
            except ComparisonError:  # the variant lacks the metric
                continue
            tasks = {key: paired[key, column.metric] for key in column.keys}
            unpaired[own] = sum(task.unpaired.total for task in tasks.values())
            if all(task.pairs.n for task in tasks.values()):
                own_rows, _ = rows_of(base, variant, "task", tasks, replace(options, tasks=column.name))
                (rows if column.main else beside).extend(own_rows)
    judged, families = with_verdicts(rows, options.margin)
    others, _ = with_verdicts(beside, options.margin)
    by_key = {(row.variant, row.task, row.metric, row.filter): row for row in [*judged, *others]}
    return Differ(by_key, families, copies, unpaired=unpaired, asked_differently=refused)


def _refusal(first: Run, second: Run, column: TaskColumn) -> str:
    """In what the runs were asked differently, in the first such task of a column; "" where they may be subtracted."""
    for key in column.keys:
        ours, theirs = first.tasks.get(key), second.tasks.get(key)
        if ours and theirs and (words := refusal(ours, theirs, first.name, second.name)):
            return words if len(column.tasks) == 1 else f"{key[0]}: {words}"
    return ""


def _against(base: Run, row: BoardRow) -> tuple[Entry | None, ...]:
    """The entries of a row, with the reason in place of a difference to its parent if it was asked differently."""
    entries = []
    for entry in row.entries:
        if entry and not (entry.change and entry.change.verdict != "not valid"):
            reason = _refusal(base, row.run, entry.column)
            entry = replace(entry, differs=reason, change=None if reason else entry.change)
        entries.append(entry)
    return tuple(entries)


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


def _sound_columns(rows: Sequence[BoardRow], columns: Sequence[TaskColumn]) -> list[TaskColumn]:
    """The columns on which no model's log is unsound, so that one bad log costs a model no rank.

    Models of which no log is sound do not count. All columns where none is left.
    """
    some = [row for row in rows if any(entry and entry.is_sound for entry in row.entries)]
    unsound = {entry.column for row in some for entry in row.entries if entry and not entry.is_sound}
    return [column for column in columns if column not in unsound] or list(columns)


def _macro(row: BoardRow, columns: Sequence[TaskColumn]) -> Estimate | None:
    """The mean over columns; None if an entry is missing or unsound, or the logs may be of different weights."""
    chosen = set(columns)
    entries = [entry for entry in row.entries if entry and entry.column in chosen]
    if len(entries) < len(columns) or not all(entry.is_sound for entry in entries):
        return None
    if not row.run.is_of_one_model(key for column in columns for key in column.keys):
        return None
    return mean_of_columns([entry.scores for entry in entries]).estimate


def _largest_complete(rows: Sequence[BoardRow], columns: Sequence[TaskColumn]) -> list[TaskColumn]:
    """The column of most questions on which every model has a sound score; the first column where there is none."""
    questions = dict[int, float]()
    for index in range(len(columns)):
        entries = [row.entries[index] for row in rows]
        if all(entry is not None and entry.is_sound for entry in entries):
            questions[index] = min(entry.accuracy.n for entry in entries if entry)
    return [columns[max(questions, key=lambda index: questions[index])]] if questions else list(columns[:1])


def _goodness(row: BoardRow, ranked_by: Sequence[TaskColumn]) -> float:
    """The value that sorts a row, the best highest: its macro mean, or its score on the only column, with the sign of the
    metric's direction; -inf if it is missing or unsound."""
    sign = 1 if ranked_by[0].higher_is_better else -1
    if len(ranked_by) > 1:
        return -inf if row.macro is None else sign * row.macro.value
    entry = next((entry for entry in row.entries if entry is not None and entry.column == ranked_by[0]), None)
    return -inf if entry is None or not entry.is_sound else sign * entry.accuracy.value


def _ranked(rows: Sequence[BoardRow], ranked_by: Sequence[TaskColumn]) -> list[BoardRow]:
    """Sort rows by goodness and add ranks, and whether the difference of each to the first is significant.

    Ranks are among the runs that were asked like the first valid one; the others follow without a rank.
    """
    values = {id(row): _goodness(row, ranked_by) for row in rows}
    ordered = sorted(rows, key=lambda row: -values[id(row)])
    valid = [row for row in rows if values[id(row)] > -inf]
    if not valid:
        return ordered
    refusals = {id(row): _unlike(valid[0].run, row.run, ranked_by) for row in valid}
    sound = [row for row in ordered if refusals.get(id(row)) == ""]
    p_values = [_paired_p(sound[0].run, row.run, ranked_by) for row in sound[1:]]
    corrected = iter(against_best([p for p in p_values if p is not None], len(sound)))
    scores = [values[id(row)] for row in sound]
    ranked = []
    for row, value, p in zip(sound, scores, [0.0, *p_values], strict=True):
        rank = f"{1 + sum(other > value for other in scores)}{'=' if scores.count(value) > 1 else ''}"
        inseparable = row is not sound[0] and p is not None and next(corrected) >= LEVEL
        ranked.append(replace(row, rank=rank, inseparable=inseparable))
    rest = [replace(row, unranked=refusals.get(id(row), "")) for row in ordered if refusals.get(id(row)) != ""]
    return ranked + rest


def _unlike(first: Run, second: Run, columns: Sequence[TaskColumn]) -> str:
    """In what two models were asked differently, in the first such task of the columns; "" where they may be ranked."""
    if first is second:
        return ""
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
