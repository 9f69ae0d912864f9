"""Select, pair and check the tasks of a base and one variant; a row for each task, and for each group of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare import health, measure
from mcqa_suite.analysis.compare.pairing import Pairs, joined, pair
from mcqa_suite.analysis.compare.result import Change, ComparisonRow, FailedCheck, Key, Kind, PooledChange
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.common.lists import first_of
from mcqa_suite.logs.agreement import UnpairedCounts
from mcqa_suite.logs.clusters import INDEPENDENT
from mcqa_suite.logs.guessing import Guessing, guessing
from mcqa_suite.logs.metrics import METRICS, higher_is_better, is_assumed, is_share
from mcqa_suite.logs.runs import Group, Run, TaskRun, with_filter

MOST_TASKS = 6  # that a line names
CONTRADICTION = "{}: higher_is_better is not that of {}; run both with the same task files"


@dataclass(frozen=True)
class Options:
    """`tasks`, `filter`: comma-separated globs over names of tasks and groups, and over names of filters (None for all);
    `metric`: None for that of `logs.main_metric`; `margin`: a fraction of 1; `cluster`: the field that names a
    document's cluster, None for those of logs.clusters, "none" for independent documents; `force`: compare although the runs
    were asked differently."""

    tasks: str = "*"
    metric: str | None = None
    margin: float = 0.01
    cluster: str | None = None
    force: bool = False
    filter: str | None = None


@dataclass(frozen=True)
class PairedTask:
    """A task of base and variant, paired, with the health checks that failed in either.

    `assumed`: whether no results file says which direction of the metric is better. `days`: of the logs of base and variant,
    "" where all logs of the run are of the same weights.
    """

    run: TaskRun
    metric: str
    higher_is_better: bool
    assumed: bool
    pairs: Pairs
    unpaired: UnpairedCounts
    failed_checks: tuple[FailedCheck, ...]
    days: tuple[str, str] = ("", "")

    @property
    def invalid(self) -> bool:
        return any(check.invalid for check in self.failed_checks)

    @property
    def one_cluster(self) -> bool:
        return self.pairs.n > 1 and bool((self.pairs.cluster == self.pairs.cluster[0]).all())


def paired_tasks(
    base: Run, variant: Run, options: Options, metrics: Mapping[Key, str], variants: int, copies: health.Copies
) -> tuple[dict[Key, PairedTask], list[str]]:
    """Pair every selected task that both runs have; return a line for each that could not be paired.

    `metrics`: the default metric of a task, see `logs.main_metric`. `copies`: see `health.copies_among`.
    """
    selected = selected_tasks(base, options.tasks)
    common = [key for key in base.tasks if key in variant.tasks and key[0] in selected]
    if not common and (task := next((key[0] for key in variant.tasks if key[0] in selected), None)):
        ours, theirs = (", ".join(name for own, name in run.tasks if own == task) for run in (base, variant))
        remedy = "run both with the same task files"
        return {}, [
            f"{variant.path}: {task}: no filter in common: {ours} ({base.name}), {theirs} ({variant.name}); {remedy}"
        ]
    if not common:
        some = ", ".join(sorted({key[0] for key in variant.tasks})[:3])
        remedy = f"run it on {', '.join(sorted(selected)[:3]) or 'the same tasks'}"
        return {}, [f"{variant.path}: no task in common with {base.name} (it has {some}); {remedy}"]
    tasks: dict[Key, PairedTask] = {}
    problems = []
    for key in common:
        try:
            metric = options.metric or metrics.get(key)
            tasks[key] = pair_task(base, variant, key, metric, variants * len(common), forced=options.force)
        except ComparisonError as error:
            problems.append(str(error))
        else:
            tasks[key] = with_copies(tasks[key], copies.get((variant.name, key)))
            if not tasks[key].pairs.n:
                problems.append(f"{variant.path}: {key[0]}: {_why_no_pairs(tasks[key].unpaired)}")
    return tasks, problems


def with_copies(task: PairedTask, copied: FailedCheck | None) -> PairedTask:
    """The task with the check that its answers are another variant's, unless they are the parent's too."""
    if copied is None or any(check.condition == copied.condition for check in task.failed_checks):
        return task
    return replace(task, failed_checks=(*task.failed_checks, copied))


def pair_task(
    base: Run, variant: Run, key: Key, metric: str | None, comparisons: int, *, forced: bool = False
) -> PairedTask:
    """Pair one task that both runs have; `comparisons`, their total number, sets the level of the health checks.

    A `forced` comparison of the documents that both have is valid however few they are.

    Raises ComparisonError if a run lacks the metric in any document.
    """
    first, second = base.tasks[key], variant.tasks[key]
    metric = metric or next(iter([*first.metrics, *second.metrics]), METRICS[0])
    for run in (base, variant):
        if metric not in (scores := run.tasks[key].samples.scores):
            names = ", ".join(scores) or "none"
            raise ComparisonError(
                f"no metric {metric} in {run.path}: {key[0]} (it has {names}); choose another --metric"
            )
    directions = (first.directions, second.directions)
    if (higher := higher_is_better(metric, directions)) is None:
        raise ComparisonError(f"{variant.path}: {key[0]}: {CONTRADICTION.format(metric, base.path)}")
    pairs, unpaired = pair(first.samples, second.samples, metric)
    missing = ~(np.isfinite(pairs.base.score) & np.isfinite(pairs.variant.score))
    if missing.any():
        documents = f"{int(missing.sum())} of {pairs.n} documents"
        infinite = np.isinf([pairs.base.score, pairs.variant.score]).any()
        reason = "missing or no finite number" if infinite else "missing"
        raise ComparisonError(f"{variant.path}: {key[0]}: {metric} is {reason} in {documents}; choose another --metric")
    checks: list[FailedCheck] = []
    if pairs.n:
        same = health.is_same_model(base, variant)
        checks += health.failed_checks(pairs, key[0], base.name, variant.name, same_model=same, comparisons=comparisons)
        checks += health.at_chance(pairs, key[0], variant.name)
        checks += health.lost_pairs(unpaired, pairs.n, key[0], variant.name, forced=forced)
        checks += [check for run in (base, variant) for check in health.faults_of(run.tasks[key], run.name)]
    assumed = is_assumed(metric, directions)
    before, after = (run.tasks[key].day if run.unproven else "" for run in (base, variant))
    failed = tuple(replace(check, filter=key[1]) for check in checks)
    return PairedTask(first, metric, higher, assumed, pairs, unpaired, failed, (before, after))


def _why_no_pairs(unpaired: UnpairedCounts) -> str:
    counts = {part: getattr(unpaired, part) for part in ("doc", "prompt", "target", "continuations")}
    if differ := [f"{n} differ in their {part}" for part, n in counts.items() if n]:
        return f"no document in common ({', '.join(differ)}); run both with the same task files and settings"
    return "no document in common; run both on the same documents (--limit, --samples)"


def lacking(base: Run, variant: Run, patterns: str) -> list[str]:
    """A line for each selected task and filter that one of the two runs lacks."""
    lines = []
    for run, other in ((base, variant), (variant, base)):
        selected = selected_tasks(run, patterns)
        lines += [
            f"{task}{'' if filter_name == 'none' else f', filter {filter_name}'}: not in {other.name}"
            for task, filter_name in run.tasks
            if task in selected and (task, filter_name) not in other.tasks
        ]
    return lines


def matches(name: str, patterns: str) -> bool:
    """Whether the name of a task or group matches one of the globs."""
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


def unmatched(base: Run, patterns: str) -> list[str]:
    """A line for each glob that matches no task or group of the base. Raises ComparisonError if none matches."""
    names = sorted({task for task, _ in base.tasks} | base.groups.keys())
    globs = [pattern.strip() for pattern in patterns.split(",")]
    idle = [pattern for pattern in globs if not any(matches(name, pattern) for name in names)]
    if len(idle) == len(globs):
        raise ComparisonError(f"--tasks {patterns!r} matches nothing in {base.path}; there are: {first_of(names, 20)}")
    return [f"--tasks {pattern!r} matches nothing in {base.name}" for pattern in idle]


def selected_tasks(run: Run, patterns: str) -> set[str]:
    """Matching tasks, and the members of matching groups."""
    tasks = {task for task, _ in run.tasks if matches(task, patterns)}
    return tasks.union(*(group.tasks for group in run.groups.values() if matches(group.name, patterns)))


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
    if both := stats.nested({task.run.task: task.pairs.doc_hash for task in members}):
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
    if both := stats.nested({task.run.title: task.pairs.doc_hash for task in tasks}):
        return replace(pooled, problem=f"{both[0]} and {both[1]} share documents; choose --tasks or --filter")
    if failed := [task.run.title for task in tasks if task.invalid]:
        return replace(pooled, problem=f"not valid, so it cannot be judged: {first_of(failed, MOST_TASKS)}")
    change = measure.change([task.pairs for task in tasks], None, margin, resamples=0)
    return replace(pooled, change=change, higher_is_better=tasks[0].higher_is_better)


def fields_of(tasks: Iterable[PairedTask]) -> str:
    """The fields that name the clusters of some tasks."""
    return " and ".join(dict.fromkeys(field for task in tasks if (field := task.run.samples.clustered_by)))


def direction_notes(tasks: Iterable[PairedTask]) -> Iterator[str]:
    for task in tasks:
        if task.assumed:
            yield assumption(task.run.title, task.metric)


def assumption(task: str, metric: str) -> str:
    """A line for a metric of which nothing says which direction is better."""
    return f"{task}: {metric}: the results file does not say which direction is better; assumed: higher is better"


def cluster_notes(tasks: dict[Key, PairedTask], cluster: str | None) -> Iterator[str]:
    """What to know of clusters that the rows do not show."""
    if cluster == INDEPENDENT:
        yield "--cluster none: rows of one question count as independent"
        return
    if cluster and (missing := [task.run.task for task in tasks.values() if task.run.samples.clustered_by is None]):
        yield f"no field {cluster!r}, so documents count as independent: {first_of(missing, MOST_TASKS)}"
    for task in tasks.values():
        if task.one_cluster:
            yield f"only one value of {task.run.samples.clustered_by!r}, so documents count as independent: {task.run.task}"
