"""The columns of a leaderboard: every task and metric; or the groups that have a mean, and the remaining tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare.tasks import preferred_metric
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.groups import Group, GroupMean
from mcqa_suite.logs.guessing import guessing
from mcqa_suite.logs.rows import METRICS
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.logs.samples import Floats, Hashes
from mcqa_suite.stats import Estimate, Rows


@dataclass(frozen=True)
class TaskColumn:
    """A task, or a group of tasks and their `mean`.

    `chance`, `constant`: see `logs.guessing`. `shots`: few-shot counts of the tasks; `mixed`: another column
    has the same tasks with other few-shot counts.
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

    @property
    def title(self) -> str:
        return f"{self.name}, {'/'.join(map(str, dict.fromkeys(self.shots)))}-shot" if self.mixed else self.name


def every_task(runs: Sequence[Run]) -> list[TaskColumn]:
    """A column for each task of the runs and each of its accuracies, by the first run that has the task."""
    tasks = {name: task for run in reversed(runs) for name, task in run.by_task.items()}
    return [_task_column(task, metric) for _, task in sorted(tasks.items()) for metric in task.metrics]


def shared_columns(runs: Sequence[Run], metric: str | None) -> list[TaskColumn]:
    """The first run's groups that have a mean, and its tasks outside them, if at least one other run has them.

    Other few-shot counts get separate columns. Raises ComparisonError if the runs have no column in common.
    """
    first = runs[0]
    columns: list[TaskColumn] = []
    for group in sorted(first.groups.values(), key=lambda group: -len(group.tasks)):
        taken = {task for column in columns for task in column.tasks}
        if not taken & set(group.tasks) and (column := _group_column(first, group, metric)):
            columns.append(column)
    taken = {task for column in columns for task in column.tasks}
    rest = [task for name, task in first.by_task.items() if name not in taken]
    columns += [_task_column(task, name) for task in rest if (name := _common_metric([task], metric))]
    if not columns:
        raise ComparisonError(f"no metric {metric or METRICS[0]} in {first.path}; choose another --metric")
    shared = [part for column in columns for part in _by_shots(column, runs)]
    if not shared:
        raise ComparisonError(_why_nothing_shared(columns, runs))
    return sorted(shared, key=lambda column: (column.name, column.shots))


def _task_column(task: TaskRun, metric: str) -> TaskColumn:
    return TaskColumn(task.task, (task.task,), metric, task.filter, None, task.chance, task.constant, (task.n_shot,))


def _group_column(run: Run, group: Group, metric: str | None) -> TaskColumn | None:
    """A group's column; None if the run lacks one of its tasks, or the harness computed no mean of the metric."""
    members = [run.by_task[name] for name in group.tasks if name in run.by_task]
    common = _common_metric(members, metric)
    if len(members) < len(group.tasks) or common is None:
        return None
    filter_name = members[0].filter
    if (common, filter_name) not in group.means or {task.filter for task in members} != {filter_name}:
        return None
    mean = group.means[common, filter_name]
    weights = mean.unless_pooled({task.task: task.size for task in members}, [task.n for task in members])
    guess = guessing([task.asked for task in members], weights)
    shots = tuple(task.n_shot for task in members)
    return TaskColumn(group.name, group.tasks, common, filter_name, mean, guess.chance, guess.constant, shots)


def _common_metric(members: Sequence[TaskRun], metric: str | None) -> str | None:
    if not members:
        return None
    scores = members[0].samples.scores
    return preferred_metric([name for name in scores if all(name in task.samples.scores for task in members)], metric)


def _by_shots(column: TaskColumn, runs: Sequence[Run]) -> list[TaskColumn]:
    """One column for each few-shot count among the runs; none if only one of several runs has its tasks."""
    shots = dict.fromkeys(
        tuple(run.by_task[name].n_shot for name in column.tasks if name in run.by_task) for run in runs
    )
    columns = [replace(column, shots=counts) for counts in shots if len(counts) == len(column.tasks)]
    having = {part: sum(scores_of(run, part) is not None for run in runs) for part in columns}
    if len(runs) > 1 and sum(having.values()) < 2:
        return []
    present = [part for part, count in having.items() if count]
    return [replace(part, mixed=len(present) > 1) for part in present]


def _why_nothing_shared(columns: Iterable[TaskColumn], runs: Sequence[Run]) -> str:
    for column in columns:
        for run in runs[1:]:
            if set(column.tasks) <= run.by_task.keys():
                return f"no metric {column.metric} in {run.path}: {column.name}; choose another --metric"
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
    """The scores of each task of a column; None if the run lacks a task or has another few-shot count.

    Documents without the metric, such as a ROUGE score without a reference, are left out.
    """
    tasks = [run.by_task[name] for name in column.tasks if name in run.by_task]
    if tuple(task.n_shot for task in tasks) != column.shots:
        return None
    samples = [task.samples for task in tasks if column.metric in task.samples.scores]
    if len(samples) < len(column.tasks):
        return None
    present = [~np.isnan(part.scores[column.metric]) for part in samples]
    values = [part.scores[column.metric][rows] for part, rows in zip(samples, present, strict=True)]
    if not all(map(len, values)):
        return None
    clusters = np.concatenate([part.cluster[rows] for part, rows in zip(samples, present, strict=True)])
    sizes = tuple(map(len, values))
    clustered_by = " and ".join(dict.fromkeys(part.clustered_by for part in samples if part.clustered_by))
    return Scores(np.concatenate(values), sizes, weights_of(run, column, sizes), clusters, clustered_by)


def weights_of(run: Run, column: TaskColumn, rows: Sequence[int]) -> tuple[float, ...] | None:
    """The weight of each task of a column; None where every one of its `rows` has the same."""
    if column.mean is None:
        return None
    sizes = {name: run.by_task[name].size for name in column.tasks}
    weights = column.mean.unless_pooled(sizes, rows)
    return None if weights is None else tuple(weights)


def normed(weights: Sequence[float]) -> list[float]:
    """The weights, scaled to add up to 1."""
    return [weight / sum(weights) for weight in weights]


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
    """The first two columns that share documents; None if there are none."""
    hashes = {c.name: [run.by_task[name].samples.hashes[:, 0] for name in c.tasks] for c in columns}
    return stats.nested({name: np.concatenate(parts) for name, parts in hashes.items()})
