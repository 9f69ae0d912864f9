"""The columns of a leaderboard: every group and task, filter and metric; or one for each group, and for each remaining task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare.result import Key
from mcqa_suite.analysis.compare.tasks import CONTRADICTION
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.groups import Group, GroupMean, inside_another
from mcqa_suite.logs.guessing import Guessing, guessing
from mcqa_suite.logs.main_metric import main_metrics
from mcqa_suite.logs.metrics import METRICS, higher_is_better, is_accuracy, is_assumed
from mcqa_suite.logs.runs import Run, TaskRun, with_filter
from mcqa_suite.logs.samples import Floats, Hashes
from mcqa_suite.stats import Estimate, Rows


@dataclass(frozen=True)
class TaskColumn:
    """A task, or a group of tasks and their `mean`, under one filter.

    `several_filters`: a log of the task has others, so that the title names it.
    `chance`, `constant`: see `logs.guessing`; None for a metric that is no accuracy. `shots`: few-shot counts of the tasks;
    `mixed`: another column has the same tasks with other few-shot counts. `higher_is_better`: the direction of the metric;
    `assumed`: no results file says it. `main`: the metric is the one that the task is judged by. `in_group`: the board has a
    column of a group of which this task is a part.
    """

    name: str
    tasks: tuple[str, ...]
    metric: str
    filter: str
    mean: GroupMean | None = field(hash=False)
    chance: float | None
    constant: tuple[str, float] | None
    shots: tuple[int, ...]
    mixed: bool = False
    higher_is_better: bool = True
    assumed: bool = False
    several_filters: bool = False
    main: bool = True
    in_group: bool = False

    @property
    def title(self) -> str:
        return with_filter(self.title_without_filter, self.filter, several=self.several_filters)

    @property
    def title_without_filter(self) -> str:
        return f"{self.name}, {'/'.join(map(str, dict.fromkeys(self.shots)))}-shot" if self.mixed else self.name

    @property
    def keys(self) -> list[Key]:
        """The task and filter of each of its results."""
        return [(task, self.filter) for task in self.tasks]

    def of(self, run: Run) -> list[TaskRun]:
        """Its results in a run; fewer than it has tasks where the run lacks one."""
        return [run.tasks[key] for key in self.keys if key in run.tasks]


def every_column(runs: Sequence[Run]) -> list[TaskColumn]:
    """A column for each group that has a mean, each task of the runs, filter, and accuracy.

    Each by the first run that has the group, or the task under this filter; sorted by name, filters in the order of the log.
    """
    tasks: dict[Key, TaskRun] = {}
    main: dict[Key, str] = {}
    groups: dict[tuple[str, str, str], TaskColumn] = {}
    for run in runs:
        tasks |= {key: task for key, task in run.tasks.items() if key not in tasks}
        main = main_metrics(run) | main
        groups = _groups_of(run, main) | groups
    inside = {key for column in groups.values() for key in column.keys}
    columns = [*groups.values()]
    columns += [
        replace(_task_column(task, metric), main=metric == main[key], in_group=key in inside)
        for key, task in tasks.items()
        for metric in task.metrics
    ]
    return [_with_direction(column, runs) for column in sorted(columns, key=lambda column: column.name)]


def _groups_of(run: Run, main: Mapping[Key, str]) -> dict[tuple[str, str, str], TaskColumn]:
    """A run's groups that are in no other group, by name, filter and metric."""
    inside = inside_another({name: frozenset(group.tasks) for name, group in run.groups.items()})
    columns = {}
    for name in sorted(run.groups.keys() - inside):
        group = run.groups[name]
        for metric, filter_name in group.means:
            metrics = {(task, filter_name): metric for task in group.tasks}
            if column := _group_column(run, group, filter_name, metrics):
                judged = all(main.get(key) == metric for key in column.keys)
                columns[name, filter_name, metric] = replace(column, main=judged)
    return columns


def shared_columns(runs: Sequence[Run], metric: str | None) -> list[TaskColumn]:
    """The first run's groups that have a mean, and its tasks outside them, if at least one other run has them.

    Other few-shot counts get separate columns. Raises ComparisonError if the runs have no column in common.
    """
    first = runs[0]
    metrics = main_metrics(first) if metric is None else dict.fromkeys(first.tasks, metric)
    columns: list[TaskColumn] = []
    taken: set[Key] = set()
    filters: dict[str, list[str]] = {}
    for task, filter_name in first.tasks:
        filters.setdefault(task, []).append(filter_name)
    for group in sorted(first.groups.values(), key=lambda group: -len(group.tasks)):
        for filter_name in dict.fromkeys(name for task in group.tasks for name in filters.get(task, ())):
            column = _group_column(first, group, filter_name, metrics)
            if column and taken.isdisjoint(column.keys) and _by_shots(column, runs):  # else its tasks are shown
                columns.append(column)
                taken.update(column.keys)
    rest = [run for key, run in first.tasks.items() if key not in taken]
    columns += [_task_column(run, name) for run in rest if (name := _common_metric([run], metrics))]
    if not columns:
        names = ", ".join(dict.fromkeys(name for task in first.tasks.values() for name in task.samples.scores))
        raise ComparisonError(
            f"no metric {metric or METRICS[0]} in {first.path} (it has {names}); choose another --metric"
        )
    shared = [part for column in columns for part in _by_shots(column, runs)]
    if not shared:
        raise ComparisonError(_why_nothing_shared(columns, runs))
    order = {key: index for index, key in enumerate(first.tasks)}  # filters in the order of the log
    ordered = sorted(shared, key=lambda column: (column.name, order[column.keys[0]], column.shots))
    return [_with_direction(column, runs) for column in ordered]


def _with_direction(column: TaskColumn, runs: Sequence[Run]) -> TaskColumn:
    """The column with the direction of its metric; ComparisonError where the results files do not agree on it."""
    tasks = [(run, task.directions) for run in runs for task in column.of(run)]
    recorded = [directions for _, directions in tasks]
    higher = higher_is_better(column.metric, recorded)
    if higher is None:
        other = next(run for run, files in tasks if files.get(column.metric) not in (None, recorded[0][column.metric]))
        raise ComparisonError(f"{other.path}: {column.name}: {CONTRADICTION.format(column.metric, runs[0].path)}")
    several = column.several_filters or any(task.several_filters for run in runs for task in column.of(run))
    assumed = is_assumed(column.metric, recorded)
    return replace(column, higher_is_better=higher, assumed=assumed, several_filters=several)


def _task_column(task: TaskRun, metric: str) -> TaskColumn:
    chance, constant = (task.chance, task.constant) if is_accuracy(metric) else (None, None)
    return TaskColumn(task.task, (task.task,), metric, task.filter, None, chance, constant, (task.n_shot,))


def _group_column(run: Run, group: Group, filter_name: str, metrics: Mapping[Key, str]) -> TaskColumn | None:
    """A group's column; None if the run lacks one of its tasks, or the harness computed no mean of the metric."""
    members = [run.tasks[name, filter_name] for name in group.tasks if (name, filter_name) in run.tasks]
    common = _common_metric(members, metrics)
    if len(members) < len(group.tasks) or common is None or (common, filter_name) not in group.means:
        return None
    if not run.is_of_one_model((name, filter_name) for name in group.tasks):
        return None
    mean = group.means[common, filter_name]
    weights = mean.unless_pooled({task.task: task.size for task in members}, [task.n for task in members])
    guess = guessing([task.asked for task in members], weights) if is_accuracy(common) else Guessing()
    shots = tuple(task.n_shot for task in members)
    return TaskColumn(group.name, group.tasks, common, filter_name, mean, guess.chance, guess.constant, shots)


def _common_metric(members: Sequence[TaskRun], metrics: Mapping[Key, str]) -> str | None:
    """The metric by which all of the tasks are judged; None if there is none."""
    names = {metrics.get((task.task, task.filter)) for task in members}
    name = names.pop() if len(names) == 1 else None
    return name if name and all(name in task.samples.scores for task in members) else None


def _by_shots(column: TaskColumn, runs: Sequence[Run]) -> list[TaskColumn]:
    """One column for each few-shot count among the runs; none if only one of several runs has its tasks."""
    shots = dict.fromkeys(tuple(task.n_shot for task in column.of(run)) for run in runs)
    columns = [replace(column, shots=counts) for counts in shots if len(counts) == len(column.tasks)]
    having = {part: sum(scores_of(run, part) is not None for run in runs) for part in columns}
    if len(runs) > 1 and sum(having.values()) < 2:
        return []
    present = [part for part, count in having.items() if count]
    return [replace(part, mixed=len(present) > 1) for part in present]


def _why_nothing_shared(columns: Iterable[TaskColumn], runs: Sequence[Run]) -> str:
    for column in columns:
        for run in runs[1:]:
            tasks = column.of(run)
            if tasks and all(column.metric in task.samples.scores for task in tasks):
                reason = f"{column.metric} is no finite number in these runs"
                return f"{run.path}: {column.name}: {reason}; choose another --metric"
            if len(tasks) == len(column.tasks):
                names = ", ".join(tasks[0].samples.scores) or "none"
                return (
                    f"no metric {column.metric} in {run.path}: {column.name} (it has {names}); choose another --metric"
                )
            if len(tasks) < len(column.tasks) and set(column.tasks) <= set(run.task_names):
                names = ", ".join(name for task, name in run.tasks if task == column.tasks[0])
                return (
                    f"no filter {column.filter} in {run.path}: {column.name} (it has {names}); choose another --filter"
                )
    return f"{runs[0].path}: no task in common with the other runs; evaluate all on the same tasks"


@dataclass(frozen=True, eq=False)
class Scores:
    """A run's scores on one or several columns, task after task, with what weight each task has."""

    values: Floats
    sizes: tuple[int, ...]
    weights: tuple[float, ...] | None
    clusters: Hashes
    clustered_by: str = ""

    @cached_property
    def rows(self) -> Rows:
        if self.weights is None:
            return Rows.pooled(len(self.values), self.clusters)
        return Rows.of_tasks(self.sizes, self.weights, self.clusters)

    @property
    def estimate(self) -> Estimate:
        """Their mean: Wilson's interval for scores from 0 to 1, else Student's."""
        if self.values.min() >= 0 and self.values.max() <= 1:
            return stats.weighted_share(self.values, self.rows)
        return stats.weighted_mean(self.values, self.rows).estimate


def scores_of(run: Run, column: TaskColumn) -> Scores | None:
    """The scores of each task of a column; None if the run lacks a task, has another few-shot count, or no mean over them.

    Documents without the metric, such as a ROUGE score without a reference, are left out.
    """
    tasks = column.of(run)
    if tuple(task.n_shot for task in tasks) != column.shots or not run.is_of_one_model(column.keys):
        return None
    samples = [task.samples for task in tasks if column.metric in task.samples.scores]
    if len(samples) < len(column.tasks):
        return None
    present = [~np.isnan(part.scores[column.metric]) for part in samples]
    values = [part.scores[column.metric][rows] for part, rows in zip(samples, present, strict=True)]
    if not all(len(of_task) and np.isfinite(of_task).all() for of_task in values):
        return None
    clusters = np.concatenate([part.cluster[rows] for part, rows in zip(samples, present, strict=True)])
    sizes = tuple(map(len, values))
    clustered_by = " and ".join(dict.fromkeys(part.clustered_by for part in samples if part.clustered_by))
    return Scores(np.concatenate(values), sizes, weights_of(run, column, sizes), clusters, clustered_by)


def weights_of(run: Run, column: TaskColumn, rows: Sequence[int]) -> tuple[float, ...] | None:
    """The weight of each task of a column; None where every one of its `rows` has the same."""
    if column.mean is None:
        return None
    sizes = {task.task: task.size for task in column.of(run)}
    weights = column.mean.unless_pooled(sizes, rows)
    return None if weights is None else tuple(weights)


def normed(weights: Sequence[float]) -> list[float]:
    """The weights, scaled to add up to 1."""
    total = sum(weights)
    return [weight / total for weight in weights]


def mean_of_columns(columns: Sequence[Scores]) -> Scores:
    """The mean in which every column has the same weight."""
    weights: list[float] = []
    for scores in columns:
        weights += normed(scores.sizes if scores.weights is None else scores.weights)
    return Scores(
        values=np.concatenate([scores.values for scores in columns]),
        sizes=tuple(size for scores in columns for size in scores.sizes),
        weights=tuple(weights),
        clusters=np.concatenate([scores.clusters for scores in columns]),
    )


def nested_columns(run: Run, columns: Sequence[TaskColumn]) -> tuple[str, str] | None:
    """The titles of the first two columns that share documents or prompts; None if there are none.

    Two filters of a task share documents. Columns of a task with other few-shot counts are not two for one model.
    """
    names = {with_filter(c.name, c.filter, several=c.several_filters): c for c in columns}
    return stats.sharing(
        {
            title: np.concatenate([task.samples.hashes[:, :2] for task in column.of(run)])
            for title, column in names.items()
        }
    )
