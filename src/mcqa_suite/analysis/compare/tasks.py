"""Pair and check the tasks of a base and one variant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mcqa_suite.analysis.compare import health
from mcqa_suite.analysis.compare.pairing import Pairs, pair
from mcqa_suite.analysis.compare.result import FailedCheck, Key
from mcqa_suite.analysis.compare.selection import selected_tasks
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.common.lists import first_of
from mcqa_suite.logs.agreement import UnpairedCounts
from mcqa_suite.logs.clusters import INDEPENDENT
from mcqa_suite.logs.metrics import METRICS, higher_is_better, is_assumed
from mcqa_suite.logs.runs import Run, TaskRun

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
