"""A row for each paired task, for each group of tasks, and the change pooled over tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mcqa_suite import stats
from mcqa_suite.analysis.compare import measure
from mcqa_suite.analysis.compare.pairing import Pairs, joined
from mcqa_suite.analysis.compare.result import Change, ComparisonRow, Key, Kind, PooledChange
from mcqa_suite.analysis.compare.selection import matches
from mcqa_suite.analysis.compare.tasks import MOST_TASKS, Options, PairedTask
from mcqa_suite.common.lists import first_of
from mcqa_suite.logs.guessing import Guessing, guessing
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.runs import Group, Run, with_filter


def task_row(task: PairedTask, parent: str, variant: str, kind: Kind, margin: float) -> ComparisonRow:
    """A task's row of the comparison, before p-values are corrected."""
    pairs, several = task.pairs, task.run.several_filters
    change, guess = measure.change([pairs], None, margin), guessing([pairs.asked])
    row = comparison_row(task, task.run.task, (parent, variant), kind, pairs, change, guess, several=several)
    return replace(row, warnings=_warnings([task]))


def _warnings(tasks: Sequence[PairedTask]) -> tuple[str, ...]:
    return tuple(check.line for task in tasks for check in task.failed_checks)


def comparison_row(
    example: PairedTask,
    name: str,
    models: tuple[str, str],
    kind: Kind,
    pairs: Pairs,
    change: Change,
    guess: Guessing,
    *,
    several: bool,
) -> ComparisonRow:
    """A row called `name` of two `models`, parent and variant; metric, filter and shots are those of `example`, one of its tasks.

    `several`: name the filter.
    """
    base, other = pairs.base, pairs.variant
    return ComparisonRow(
        task=name,
        metric=example.metric,
        filter=example.run.filter,
        title=with_filter(name, example.run.filter, several=several),
        parent=models[0],
        variant=models[1],
        kind=kind,
        n=pairs.n,
        n_shot=example.run.n_shot,
        change=change,
        flips=measure.flips(pairs),
        choices=measure.choices(pairs),
        top_agreement=float((base.answer == other.answer).mean()),
        clusters=pairs.clusters,
        clustered_by=fields_of([example]) if pairs.clusters else "",
        unread_base=None if base.unread is None else float(base.unread.mean()),
        unread_variant=None if other.unread is None else float(other.unread.mean()),
        chance=guess.chance if pairs.is_accuracy else None,
        constant=guess.constant if pairs.is_accuracy else None,
        verdict="not valid" if example.invalid else "undecided",
        higher_is_better=example.higher_is_better,
    )


def rows_of(
    base: Run, variant: Run, kind: Kind, tasks: dict[Key, PairedTask], options: Options
) -> tuple[list[ComparisonRow], list[str]]:
    """A row for each selected task, and for each selected group that has a mean; a note for each group that has none."""
    selected = [task for task in tasks.values() if matches(task.run.task, options.tasks)]
    rows, notes = [task_row(task, base.name, variant.name, kind, options.margin) for task in selected], []
    by_name: dict[str, list[PairedTask]] = {}
    for task in tasks.values():
        by_name.setdefault(task.run.task, []).append(task)
    for group in base.groups.values():
        if not matches(group.name, options.tasks):
            continue
        of_filter: dict[str, list[PairedTask]] = {}
        for task in (task for name in sorted(group.tasks) for task in by_name.get(name, ())):
            of_filter.setdefault(task.run.filter, []).append(task)
        several = len(of_filter) > 1
        for filter_name, members in of_filter.items():
            title = with_filter(group.name, filter_name, several=several)
            if reason := _why_no_mean(group, members):
                notes.append(f"{title}: no mean: {reason}")
                continue
            row = _group_row(group, members, (base.name, variant.name), kind, options.margin, several=several)
            if missing := sorted(set(group.tasks) - {task.run.task for task in members}):
                notes.append(f"{variant.name}: {title}: missing tasks: {', '.join(missing)}")
                row = replace(row, warnings=(*row.warnings, notes[-1]))
            rows.append(_with_own_mean(row, group, variant))
    return rows, notes


def _with_own_mean(row: ComparisonRow, group: Group, variant: Run) -> ComparisonRow:
    """The row, not valid where its tasks contradict the variant's own mean, with a warning where that is another kind of mean."""
    own, key = variant.groups.get(group.name), (row.metric, row.filter)
    if own and (fault := own.faults.get(key)):
        return replace(row, verdict="not valid", warnings=(*row.warnings, fault.line(f"{row.title}, {variant.name}")))
    if own and key in own.means and own.means[key] != group.means[key]:
        kinds = f"{own.means[key].words}, that of {row.parent} {group.means[key].words}"
        return replace(
            row, warnings=(*row.warnings, f"{row.title}: the mean of {variant.name} is {kinds}, which is used for both")
        )
    return row


def _why_no_mean(group: Group, members: list[PairedTask]) -> str | None:
    """Why these tasks have no mean; None if they have one."""
    if len({(task.metric, task.higher_is_better) for task in members}) > 1:
        return "its tasks have different metrics"
    if len({task.days for task in members}) > 1:
        return "its tasks are of different days, and the weights may have changed"
    if both := stats.nested({task.run.task: task.pairs.hashes[:, 0] for task in members}):
        return f"{both[0]} and {both[1]} share documents"
    key = members[0].metric, members[0].run.filter
    if key in group.means:
        return None
    any_mean = group.means or group.unclear
    return group.unclear.get(key) or (
        f"the harness computes no mean of {key[0]}" if any_mean else "the harness computes none"
    )


def _group_row(
    group: Group, members: list[PairedTask], models: tuple[str, str], kind: Kind, margin: float, *, several: bool
) -> ComparisonRow:
    """The group's row over its valid members; if none is, a row over all that is not valid."""
    sound = [task for task in members if not task.invalid] or members
    parts = [task.pairs for task in sound]
    mean = group.means[members[0].metric, members[0].run.filter]
    sizes = {task.run.task: task.run.size for task in sound}
    weights = mean.unless_pooled(sizes, [part.n for part in parts])
    change = measure.change(parts, weights, margin)
    guess = guessing([part.asked for part in parts], weights)
    row_kind: Kind = kind if kind == "noise floor" else "group"
    row = comparison_row(sound[0], group.name, models, row_kind, joined(parts), change, guess, several=several)
    left_out = tuple(task.run.task for task in members if task.invalid and sound is not members)
    return replace(
        row,
        members=tuple(sizes),
        left_out=left_out,
        average=mean.words,
        clustered_by=fields_of(sound) if row.clusters else "",
        warnings=_warnings(members),
    )


def pooled_change(parent: str, variant: str, tasks: Sequence[PairedTask], margin: float) -> PooledChange:
    """The difference over all documents of the tasks, each of the same weight."""
    pooled = PooledChange(variant, parent, tuple(task.run.title for task in tasks), None)
    if not tasks:
        return replace(pooled, problem="no task is in both runs; run both on the same tasks")
    if odd := next((task for task in tasks if not is_share(task.metric)), None):
        return replace(
            pooled, problem=f"{odd.run.title}: {odd.metric} is no share of questions; choose another --metric"
        )
    if len({task.higher_is_better for task in tasks}) > 1:
        return replace(pooled, problem="higher is better in some tasks, lower in others; choose --tasks")
    if both := stats.sharing({task.run.title: task.pairs.hashes for task in tasks}):
        return replace(pooled, problem=f"{both[0]} and {both[1]} share documents; choose --tasks or --filter")
    if failed := [task.run.title for task in tasks if task.invalid]:
        return replace(pooled, problem=f"not valid, so it cannot be judged: {first_of(failed, MOST_TASKS)}")
    change = measure.change([task.pairs for task in tasks], None, margin, resamples=0)
    return replace(pooled, change=change, higher_is_better=tasks[0].higher_is_better)


def fields_of(tasks: Iterable[PairedTask]) -> str:
    """The fields that name the clusters of some tasks."""
    return " and ".join(dict.fromkeys(field for task in tasks if (field := task.run.samples.clustered_by)))
