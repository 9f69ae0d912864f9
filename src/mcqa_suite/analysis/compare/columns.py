"""The columns of a leaderboard: a group where it has a mean, else a task; and which models they can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare import health
from mcqa_suite.analysis.compare.groups import is_macro
from mcqa_suite.analysis.compare.pairing import pair
from mcqa_suite.analysis.compare.tasks import preferred_metric
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.logs.sample_values import METRICS
from mcqa_suite.logs.samples import Floats, best_letter
from mcqa_suite.stats import Estimate


@dataclass(frozen=True)
class Column:
    """A task, or a group of `tasks` whose documents are pooled (or, where `macro`, whose means are averaged).

    `constant`: the letter that is right most often, and how often. `shots`: few-shot counts of its tasks; `mixed`: another
    column has the same tasks with other counts.
    """

    name: str
    tasks: tuple[str, ...]
    metric: str
    macro: bool
    chance: float | None
    constant: tuple[str, float] | None
    shots: tuple[int, ...] = (0,)
    mixed: bool = False

    @property
    def title(self) -> str:
        return f"{self.name}, {'/'.join(map(str, dict.fromkeys(self.shots)))}-shot" if self.mixed else self.name


@dataclass(frozen=True)
class Cell:
    """A model on a column; `sick` says why it cannot be believed, "" where it can."""

    column: Column
    estimate: Estimate
    standard_error: float
    sick: str


def columns_of(runs: Sequence[Run], metric: str | None) -> list[Column]:
    """Groups with a mean first taken whole, then the tasks in none of them; those that any other run shares. Runs with other
    few-shot counts than the first get columns of their own.

    Raises ComparisonError where the runs share nothing.
    """
    first = runs[0]
    tasks = first.by_task
    columns: list[Column] = []
    taken: set[str] = set()
    for group in sorted(first.groups.values(), key=lambda group: -len(group.tasks)):
        members = [tasks[name] for name in group.tasks if name in tasks]
        wanted = _metric(members, metric)
        if len(members) < len(group.tasks) or wanted is None or taken & set(group.tasks):
            continue
        filter_name = members[0].filter
        if f"{wanted},{filter_name}" in group.values and {run.filter for run in members} == {filter_name}:
            taken |= set(group.tasks)
            chances = [chance for run in members if (chance := run.chance) is not None]
            chance = float(np.mean(chances)) if len(chances) == len(members) else None
            constant = None if chance is None else best_letter(np.concatenate([run.samples.gold for run in members]))
            columns.append(
                Column(
                    group.name,
                    group.tasks,
                    wanted,
                    is_macro(first, group, wanted, filter_name),
                    chance,
                    constant,
                    _shots(first, group.tasks),
                )
            )
    for name, run in tasks.items():
        if name not in taken and (wanted := _metric([run], metric)):
            columns.append(Column(name, (name,), wanted, False, run.chance, run.constant, _shots(first, (name,))))
    if not columns:
        raise ComparisonError(f"no metric {metric or METRICS[0]} in {first.path}; choose another --metric")
    shared = [c for column in columns for c in _by_shots(column, runs)]
    if not shared:
        for other in runs[1:]:
            if without := next((c for c in columns if set(c.tasks) <= other.by_task.keys()), None):
                words = f"no metric {without.metric} in {other.path}: {without.name}"
                raise ComparisonError(f"{words}; choose another --metric")
        raise ComparisonError(f"{first.path}: no task in common with the other runs; evaluate all on the same tasks")
    return sorted(shared, key=lambda column: (column.name, column.shots))


def _by_shots(column: Column, runs: Sequence[Run]) -> list[Column]:
    """The column once for every few-shot count that its runs have; none where the first run alone has it."""
    shots = dict.fromkeys(_shots(run, column.tasks) for run in runs)
    found = [replace(column, shots=one) for one in shots if len(one) == len(column.tasks)]
    held = [(c, sum(_scores(run, c) is not None for run in runs)) for c in found]
    if len(runs) > 1 and sum(count for _, count in held) < 2:
        return []
    kept = [c for c, count in held if count]
    return [replace(c, mixed=len(kept) > 1) for c in kept]


def _shots(run: Run, names: Sequence[str]) -> tuple[int, ...]:
    tasks = run.by_task
    return tuple(tasks[name].n_shot for name in names if name in tasks)


def _metric(members: Sequence[TaskRun], wanted: str | None) -> str | None:
    common = (
        [name for name in members[0].samples.scores if all(name in run.samples.scores for run in members)]
        if members
        else []
    )
    return preferred_metric(common, wanted)


def nested_columns(run: Run, columns: Sequence[Column]) -> tuple[str, str] | None:
    """Two columns that share documents, if any do."""
    tasks = run.by_task
    documents = {c.name: np.concatenate([tasks[name].samples.hashes[:, 0] for name in c.tasks]) for c in columns}
    return stats.nested(documents)


def _scores(run: Run, column: Column) -> list[Floats] | None:
    tasks = run.by_task
    if _shots(run, column.tasks) != column.shots:
        return None
    found = [tasks[name].samples.scores.get(column.metric) for name in column.tasks]
    # A metric that not every document has, such as ROUGE where some have no reference, is a mean over those that have it.
    scores = [there for score in found if score is not None and len(there := score[~np.isnan(score)])]
    return scores if len(scores) == len(column.tasks) else None


def cell(run: Run, column: Column) -> Cell | None:
    """None where the run lacks a task of the column."""
    scores = _scores(run, column)
    if scores is None:
        return None
    pooled = np.concatenate(scores)
    mean = stats.macro_mean(scores) if column.macro else stats.pooled_mean(scores)
    if not column.macro and np.isin(pooled, (0.0, 1.0)).all():
        estimate = stats.wilson(int(pooled.sum()), len(pooled))
    else:
        half = 1.959964 * mean.standard_error
        estimate = Estimate(mean.value, mean.value - half, mean.value + half, mean.n)
    return Cell(column, estimate, mean.standard_error, _sick(run, column))


def _sick(run: Run, column: Column) -> str:
    for name in column.tasks:
        samples = run.by_task[name].samples
        pairs, _unpaired = pair(samples, samples, column.metric)
        for finding in health.failed_checks(
            pairs, name, run.name, run.name, same_model=True, comparisons=len(column.tasks)
        ):
            if finding.broken:
                return finding.condition if len(column.tasks) == 1 else f"{finding.condition} in {name}"
    return ""


def separable(leader: Run, other: Run, columns: Sequence[Column]) -> float | None:
    """p of no difference between two models' macro means, paired document by document; None where nothing pairs.

    McNemar's exact test where there is one column of right and wrong; else a z-test on the mean of the paired differences.
    """
    means: list[stats.GroupMean] = []
    for column in columns:
        parts = []
        for name in column.tasks:
            pairs, _unpaired = pair(leader.by_task[name].samples, other.by_task[name].samples, column.metric)
            parts.append(pairs.variant.score - pairs.base.score)
            if not pairs.n:
                return None
        parts = [part[~np.isnan(part)] for part in parts]
        differences = np.concatenate(parts)
        if len(columns) == 1 and np.isin(differences, (-1.0, 0.0, 1.0)).all() and not column.macro:
            return stats.mcnemar_exact(int((differences > 0).sum()), int((differences < 0).sum()))
        means.append(stats.macro_mean(parts) if column.macro else stats.pooled_mean(parts))
    error = sqrt(sum(mean.standard_error**2 for mean in means)) / len(means)
    return stats.t_test(sum(mean.value for mean in means) / len(means), error)
