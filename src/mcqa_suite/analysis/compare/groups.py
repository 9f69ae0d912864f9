"""Rows for groups of tasks. Broken tasks are left out, and tasks that share documents have no mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare import measure
from mcqa_suite.analysis.compare.pairing import joined
from mcqa_suite.analysis.compare.result import ComparisonRow, Kind
from mcqa_suite.analysis.compare.tasks import Key, Options, PairedTask, comparison_row, matches
from mcqa_suite.logs.runs import Group, Run


def group_rows(
    base: Run, variant: str, kind: Kind, tasks: dict[Key, PairedTask], options: Options
) -> tuple[list[ComparisonRow], list[str]]:
    """A row for each selected group that has a mean, and a note for each that has none."""
    rows, notes = [], []
    for group in base.groups.values():
        if not matches(group.name, options.tasks):
            continue
        members = [task for key, task in tasks.items() if key[0] in group.tasks]
        if not members:
            continue
        if reason := why_no_mean(group, members):
            notes.append(f"{group.name}: no mean: {reason}")
            continue
        missing = sorted(set(group.tasks) - {task.run.task for task in members})
        if missing:
            notes.append(f"{variant}: {group.name}: missing tasks: {', '.join(missing)}")
        rows.append(_row(base, group, members, variant, kind, options.margin))
    return rows, notes


def why_no_mean(group: Group, members: list[PairedTask]) -> str | None:
    """Why these tasks have no mean; None if they have one."""
    if len({(task.metric, task.run.filter) for task in members}) > 1:
        return "its tasks have different metrics or filters"
    if both := stats.nested({task.run.task: task.pairs.doc_hash for task in members}):
        return f"{both[0]} and {both[1]} share documents"
    metric, filter_name = members[0].metric, members[0].run.filter
    if group.values and f"{metric},{filter_name}" not in group.values:
        return f"the harness computes no mean of {metric}"
    return None if group.values else "the harness computes none"


def _row(base: Run, group: Group, members: list[PairedTask], variant: str, kind: Kind, margin: float) -> ComparisonRow:
    """The group's row over its members that are not broken; if all are broken, a broken row over all."""
    sound = [task for task in members if not task.broken] or members
    parts = [task.pairs for task in sound]
    pairs = joined(parts)
    change = measure.change(pairs, margin)
    if is_macro(base, group, members[0].metric, members[0].run.filter):
        change = measure.macro_change(parts, change, margin)
    row = comparison_row(sound[0], group.name, variant, kind if kind == "noise floor" else "group", pairs, change)
    left_out = tuple(task.run.task for task in members if task not in sound)
    return replace(row, members=tuple(task.run.task for task in sound), left_out=left_out)


def is_macro(base: Run, group: Group, metric: str, filter_name: str) -> bool:
    """Whether the harness's mean of the group gives each task, not each document, the same weight; inferred from its value."""
    runs = [run for task in group.tasks if (run := base.tasks.get((task, filter_name)))]
    scores = [run.samples.scores[metric] for run in runs if metric in run.samples.scores]
    value = group.values.get(f"{metric},{filter_name}")
    if value is None or len(scores) < 2:
        return False
    pooled = float(np.concatenate(scores).mean())
    macro = float(np.mean([score.mean() for score in scores]))
    return abs(value - macro) < 1e-9 < abs(value - pooled)
