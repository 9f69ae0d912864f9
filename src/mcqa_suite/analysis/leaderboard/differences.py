"""The differences of a leaderboard's models to their parents, and why some have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mcqa_suite.analysis.compare import ComparisonRow, Family, health
from mcqa_suite.analysis.compare.result import Key
from mcqa_suite.analysis.compare.rows import rows_of
from mcqa_suite.analysis.compare.tasks import Options, PairedTask, pair_task, with_copies
from mcqa_suite.analysis.compare.verdicts import with_verdicts
from mcqa_suite.analysis.leaderboard.columns import TaskColumn
from mcqa_suite.analysis.leaderboard.result import BoardRow, Entry
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.agreement import refusal
from mcqa_suite.logs.runs import Run

Differences = Mapping[tuple[str, str, str, str], ComparisonRow]  # by model, task, metric and filter


@dataclass(frozen=True)
class Differ:
    """Differences of models to their parents: the `rows` and their families; by model, task and filter, which are `copies`
    of another model's, how many documents are `unpaired`, and why there is no row where the two were `asked_differently`."""

    rows: Differences = field(default_factory=dict)
    families: tuple[Family, ...] = ()
    copies: health.Copies = field(default_factory=dict)
    unpaired: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    asked_differently: Mapping[tuple[str, str, str], str] = field(default_factory=dict)


def differences_of(pairs: Sequence[tuple[Run, Run]], columns: Sequence[TaskColumn], copies: health.Copies) -> Differ:
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
            if reason := column_refusal(base, variant, column):
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


def column_refusal(first: Run, second: Run, column: TaskColumn) -> str:
    """In what the runs were asked differently, in the first such task of a column; "" where they may be subtracted."""
    for key in column.keys:
        ours, theirs = first.tasks.get(key), second.tasks.get(key)
        if ours and theirs and (words := refusal(ours, theirs, first.name, second.name)):
            return words if len(column.tasks) == 1 else f"{key[0]}: {words}"
    return ""


def entries_against(base: Run, row: BoardRow) -> tuple[Entry | None, ...]:
    """The entries of a row, with the reason in place of a difference to its parent if it was asked differently."""
    entries = []
    for entry in row.entries:
        if entry and not (entry.change and entry.change.verdict != "not valid"):
            reason = column_refusal(base, row.run, entry.column)
            entry = replace(entry, differs=reason, change=None if reason else entry.change)
        entries.append(entry)
    return tuple(entries)
