"""Groups of tasks in a results file, and how the harness averaged each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.integrity import Fault, recorded, written
from mcqa_suite.logs.samples import Floats

K = TypeVar("K", bound=Hashable)
Key = tuple[str, str]  # metric and filter
SETTINGS = "aggregate_metric_list"
EVEN = 0.01  # a task's rows may lack this share without changing how they are averaged
MOST_TIMES = 1000  # a task that counts more often in a group is there by mistake
MOST_STEPS = 1_000_000  # less than a second
MOST_NAMES = 4  # of groups inside each other that an error names
ROUNDED = 5e-4  # a logged mean may be rounded: it is that of a rule to which it is this close, half of what tables show


class TaskScores(NamedTuple):
    """A task's scores under a metric and filter; `complete`: whether the log has all of which the results file speaks."""

    values: Floats
    complete: bool


Scores = Callable[[str, Key], TaskScores | None]  # by task; None where the log has none


@dataclass(frozen=True)
class GroupMean:
    """A weighted mean of tasks: `times` each task counts, times its number of documents if `by_size`."""

    times: Mapping[str, float]
    by_size: bool

    def weights(self, sizes: Mapping[str, int]) -> list[float]:
        """The weight of each of the tasks in `sizes`, their numbers of documents."""
        return [self.times[task] * (size if self.by_size else 1) for task, size in sizes.items()]

    def unless_pooled(self, sizes: Mapping[str, int], rows: Sequence[int]) -> list[float] | None:
        """The weights; None where every one of these `rows` of each task has the same weight, but for EVEN."""
        weights = self.weights(sizes)
        each = [weight / n for weight, n in zip(weights, rows, strict=True)]
        return None if max(each) <= (1 + EVEN) * min(each) else weights

    @property
    def words(self) -> str:
        """pooled, mean, or mean weighted 3:1"""
        if len(set(self.times.values())) > 1:
            of_each = " per document" if self.by_size else ""
            return f"mean weighted {':'.join(f'{times:g}' for times in self.times.values())}{of_each}"
        return "pooled" if self.by_size else "mean"


@dataclass(frozen=True)
class Group:
    """A group of tasks. `means`: how the tasks are averaged, for every (metric, filter) of which the harness logged a mean;
    `unclear`: why there is none of a logged mean; `faults`: the logged means that those of its tasks contradict."""

    name: str
    tasks: tuple[str, ...]
    means: Mapping[Key, GroupMean]
    unclear: Mapping[Key, str]
    faults: Mapping[Key, Fault] = field(default_factory=dict)


def read_groups(path: Path, results: Mapping[str, Any], scores: Scores) -> dict[str, Group]:
    """The groups of the results file `path` that have members.

    The group's own settings say how it is averaged. Where the file has none, as those of lm_eval to 0.4.13, the logged mean tells
    by the rule that it is closest to. DatasetError where groups cannot be averaged, see `times_in_groups`.
    """
    try:
        times = times_in_groups(members_of(results))
    except ValueError as error:
        raise DatasetError(f"{path}: {error}; correct group_subtasks in this file") from error
    return {name: _group(results, name, of_group, scores) for name, of_group in times.items()}


def members_of(results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Group -> its tasks and groups; older files list tasks as groups without members."""
    return {name: list(members) for name, members in results.get("group_subtasks", {}).items() if members}


def tasks_of(results: Mapping[str, Any]) -> list[str]:
    """The tasks among the `configs`, which may hold settings of groups too."""
    groups = members_of(results)
    return [name for name, config in results["configs"].items() if name not in groups or "output_type" in config]


def times_in_groups(members: Mapping[str, Sequence[str]]) -> dict[str, dict[str, int]]:
    """How often each task counts in each group: as often as there are ways down to it.

    A group's own name among its members is that of a task. ValueError for groups that are inside each other, a task that counts
    more than MOST_TIMES times, and more than MOST_STEPS ways in all.
    """
    inner = {
        name: [member for member in listed if member in members and member != name] for name, listed in members.items()
    }
    try:
        order = list(TopologicalSorter(inner).static_order())
    except CycleError as error:
        raise ValueError(f"groups inside each other: {' in '.join(error.args[1][:MOST_NAMES])}") from error
    times: dict[str, dict[str, int]] = {}
    steps = 0
    for name in order:
        total = Counter[str]()
        for member, n in Counter(members[name]).items():
            of_member = times.get(member, {member: 1})
            if (steps := steps + len(of_member)) > MOST_STEPS:
                raise ValueError(f"groups lead to tasks in more than {MOST_STEPS:,} ways")
            for task, count in of_member.items():
                total[task] += n * count
        task, most = total.most_common(1)[0]
        if most > MOST_TIMES:
            raise ValueError(f"group {name} counts task {task} more than {MOST_TIMES:,} times")
        times[name] = dict(total)
    return {name: times[name] for name in members}


def inside_another(sets: Mapping[K, frozenset[str]]) -> set[K]:
    """The keys whose set, such as the tasks of a group, is a proper part of another's."""
    largest_first: dict[str, list[frozenset[str]]] = {}
    for names in sorted(set(sets.values()), key=len, reverse=True):
        for name in names:
            largest_first.setdefault(name, []).append(names)
    return {key for key, names in sets.items() if any(names < other for other in largest_first[min(names)])}


def _group(results: Mapping[str, Any], name: str, times: Mapping[str, int], scores: Scores) -> Group:
    means: dict[Key, GroupMean] = {}
    unclear: dict[Key, str] = {}
    faults: dict[Key, Fault] = {}
    for key, value in _logged(results, name):
        mean = _by_settings(_settings(results, name), key, times)
        if mean is None and (fault := _outside(results, key, value, times)):
            faults[key], mean = fault, fault.detail
        elif mean is None:
            by_task = {task: of_task for task in times if (of_task := scores(task, key)) and len(of_task.values)}
            mean = _closest(value, times, by_task)
        elif isinstance(mean, GroupMean) and (fault := _contradiction(results, key, value, mean)):
            faults[key], mean = fault, fault.detail
        if isinstance(mean, str):
            unclear[key] = mean
        else:
            means[key] = mean
    return Group(name, tuple(times), means, unclear, faults)


def _contradiction(results: Mapping[str, Any], key: Key, value: float, mean: GroupMean) -> Fault | None:
    """The fault of a logged mean that is not the mean of what the same file says of the group's tasks."""
    metric, filter_name = key
    tasks = {task: recorded(results, task, filter_name) for task in mean.times if task in results["configs"]}
    values = [(task.means or {}).get(metric) for task in tasks.values()]
    sizes = {name: task.counts[0] for name, task in tasks.items() if task.counts and task.counts[0] > 0}
    if None in values or len(sizes) < len(mean.times):
        return None
    of_tasks = float(np.average(np.array(values, float), weights=mean.weights(sizes)))
    if abs(value - of_tasks) <= ROUNDED:
        return None
    detail = f"the results file says {metric} {written(value)}, its values of the tasks give {of_tasks:.4f}"
    return Fault("other results", detail, invalid=True)


def _outside(results: Mapping[str, Any], key: Key, value: float, times: Mapping[str, int]) -> Fault | None:
    """The fault of a logged mean that is outside what the same file says of the group's tasks, as no mean of them is."""
    metric, filter_name = key
    of_tasks = [recorded(results, task, filter_name).means or {} for task in times if task in results["configs"]]
    values = [means[metric] for means in of_tasks if metric in means]
    if len(values) < len(times) or min(values) - ROUNDED <= value <= max(values) + ROUNDED:
        return None
    span = f"{written(min(values))} to {written(max(values))}"
    detail = f"the results file says {metric} {written(value)}, its values of the tasks are {span}"
    return Fault("other results", detail, invalid=True)


def _logged(results: Mapping[str, Any], name: str) -> Iterator[tuple[Key, float]]:
    """(metric, filter) and value of every logged mean of a group."""
    values = results.get("groups", {}).get(name) or results.get("results", {}).get(name) or {}
    for key, value in values.items():
        if isinstance(value, float) and "_stderr" not in key:
            metric, _, filter_name = key.partition(",")
            yield (metric, filter_name), value


def _settings(results: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The group's `aggregate_metric_list`, [] where the file does not have it."""
    for section in ("configs", "group_configs", "groups"):
        groups = results.get(section)
        group = groups.get(name) if isinstance(groups, dict) else None
        if isinstance(group, dict) and (listed := group.get(SETTINGS)):
            return [entry for entry in (listed if isinstance(listed, list) else [listed]) if isinstance(entry, dict)]
    return []


def _by_settings(settings: Sequence[Mapping[str, Any]], key: Key, times: Mapping[str, int]) -> GroupMean | str | None:
    """How the settings say that tasks are averaged; a reason where that is no mean, None where they do not say it."""
    for entry in settings:
        filters = entry.get("filter_list")
        named = filters if isinstance(filters, list) else [filters]
        if entry.get("metric") == key[0] and (filters is None or key[1] in named):
            if entry.get("aggregation", "mean") != "mean":
                return f"its aggregation is {entry['aggregation']}"
            return GroupMean(times, bool(entry.get("weight_by_size", True)))
    return None


def _closest(value: float, times: Mapping[str, int], scores: Mapping[str, TaskScores]) -> GroupMean | str:
    """The rule whose mean is closest to the logged one; by size where both are the same."""
    if len(scores) < 2:
        return GroupMean(times, by_size=True)
    means = {task: float(of_task.values.mean()) for task, of_task in scores.items()}
    sizes = {task: len(of_task.values) for task, of_task in scores.items()}
    rules = [GroupMean(times, by_size=True), GroupMean(times, by_size=False)]
    if not isfinite(value):
        return f"its logged mean, {value}, is no number"
    distances = [abs(value - np.average([*means.values()], weights=rule.weights(sizes))) for rule in rules]
    closest = int(distances[1] < distances[0] - 1e-12)
    complete = len(scores) == len(times) and all(of_task.complete for of_task in scores.values())
    if distances[closest] <= ROUNDED * max(1.0, abs(value)) or not complete:
        return rules[closest]
    return (
        _implied(value, means)
        or f"its logged mean, {value:.4f}, is neither that of its documents nor that of its tasks"
    )


def _implied(value: float, means: Mapping[str, float]) -> GroupMean | None:
    """The weights of two tasks that give the logged mean, if they are small whole numbers, such as 3:1."""
    if len(means) != 2:
        return None
    (first, a), (second, b) = means.items()
    share = Fraction((value - b) / (a - b)).limit_denominator(20) if a != b else Fraction(0)
    if not 0 < share < 1 or abs(float(share) * a + float(1 - share) * b - value) > 1e-6:
        return None
    return GroupMean({first: share.numerator, second: share.denominator - share.numerator}, by_size=False)
