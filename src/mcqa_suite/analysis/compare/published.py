"""Compare runs with published scores, of which there are no samples: nothing is paired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from mcqa_suite import stats
from mcqa_suite.analysis.compare import health
from mcqa_suite.analysis.compare.measure import ONE_SIDED
from mcqa_suite.analysis.compare.result import Change, Choices, Comparison, ComparisonRow, PooledChange
from mcqa_suite.analysis.compare.tasks import Options
from mcqa_suite.analysis.compare.verdicts import with_verdicts
from mcqa_suite.common.errors import ComparisonError, ConfigError
from mcqa_suite.logs.guessing import guessing
from mcqa_suite.logs.main_metric import main_metrics
from mcqa_suite.logs.metrics import higher_is_better, is_accuracy, is_share
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.logs.samples import Floats
from mcqa_suite.stats import Estimate, Power, Rows

NAME = "published"
NOTE = "published scores have no samples: no question is paired, and that both were asked alike cannot be checked"
FORM = "TASK=PERCENT or TASK=PERCENT:QUESTIONS, such as arc_easy=54.2:2376"


@dataclass(frozen=True)
class Published:
    """A published score of a task, as a fraction; `n` is its number of questions, None if it is taken as exact."""

    task: str
    value: float
    n: int | None = None

    @classmethod
    def read(cls, text: str) -> Published:
        """Read TASK=PERCENT[:QUESTIONS]. Raises ConfigError for anything else."""
        task, _, score = text.rpartition("=")
        percent, _, questions = score.partition(":")
        try:
            value, n = float(percent), int(questions) if questions else None
        except ValueError:
            raise ConfigError(f"--against {text}: expected {FORM}") from None
        if not task or not 0 <= value <= 100 or (n is not None and n < 1):
            raise ConfigError(f"--against {text}: expected {FORM}")
        return cls(task, value / 100, n)

    def estimate(self, critical: float) -> Estimate:
        """The score with Wilson's interval; without a number of questions the interval has no width."""
        if self.n is None:
            return Estimate(self.value, self.value, self.value, 0)
        low, high = stats.wilson_bounds(self.value, self.n, critical)
        return Estimate(self.value, float(low), float(high), self.n)


def compare_published(runs: Sequence[Run], published: Sequence[Published], options: Options) -> Comparison:
    """Compare each run with published scores of its tasks. Raises ComparisonError for a task that a run lacks."""
    if twice := [task for task, times in Counter(score.task for score in published).items() if times > 1]:
        raise ConfigError(f"--against {twice[0]}: given more than once; give each task one score")
    rows: list[ComparisonRow] = []
    pooled: list[PooledChange] = []
    checks = []
    for run in runs:
        metrics = main_metrics(run)
        parts: list[tuple[TaskRun, str, Published]] = []
        for score in published:
            tasks = [task for (name, _), task in run.tasks.items() if name == score.task]
            if not tasks:
                raise ComparisonError(
                    f"{run.path}: --against {score.task}: no such task; it has {', '.join(run.task_names[:6])}"
                )
            for task in tasks:
                metric = options.metric or metrics.get((task.task, task.filter), "acc")
                parts.append((task, _checked(run, task, metric), score))
        own = []
        for task, metric, score in parts:
            failed = health.checks_of(task, run.name, metric, len(parts) * len(runs))
            checks += failed
            own.append(_row(run, task, metric, score, failed, options.margin))
        rows += own
        pooled.append(_pooled(run, parts, options.margin, [row.title for row in own if row.verdict == "not valid"]))
    judged, families = with_verdicts(rows, options.margin)
    problems = [problem for run in runs for problem in run.problems] + [
        check.line for check in checks if check.of_input
    ]
    return Comparison(
        base=NAME,
        margin=options.margin,
        cluster=options.cluster,
        families=families,
        rows=tuple(judged),
        parents={run.name: NAME for run in runs},
        unpaired={},
        titles={key: task.title for run in runs for key, task in run.tasks.items()},
        pooled=tuple(pooled),
        health=tuple(checks),
        problems=tuple(dict.fromkeys(problems)),
        notes=(NOTE, *_small(published), *(f"{run.name}: {note}" for run in runs for note in run.notes)),
    )


def _small(published: Sequence[Published]) -> Iterator[str]:
    """A note on each score that may be meant as a fraction."""
    for score in published:
        if 0 < score.value < 0.01:
            yield f"--against {score.task}: read as {100 * score.value:g} percent; a fraction is to be given in percent"


def _checked(run: Run, task: TaskRun, metric: str) -> str:
    scores = task.samples.scores
    if metric not in scores or not is_share(metric) or np.isnan(scores[metric]).any():
        names = ", ".join(name for name in scores if is_share(name)) or "none"
        raise ComparisonError(
            f"{run.path}: {task.task}: no share {metric} in every document (it has {names}); set --metric"
        )
    return metric


def _row(
    run: Run, task: TaskRun, metric: str, score: Published, failed: Sequence[health.FailedCheck], margin: float
) -> ComparisonRow:
    guess = guessing([task.asked])
    return ComparisonRow(
        task=task.task,
        metric=metric,
        filter=task.filter,
        title=task.title,
        variant=run.name,
        parent=NAME,
        kind="task",
        n=task.n,
        n_shot=task.n_shot,
        change=_change(task.samples.scores[metric], task.samples.cluster, score, margin),
        flips=None,
        choices=Choices(),
        top_agreement=None,
        unread_base=None,
        unread_variant=task.unread,
        chance=guess.chance if is_accuracy(metric) else None,
        constant=guess.constant if is_accuracy(metric) else None,
        verdict="not valid" if any(check.invalid for check in failed) else "undecided",
        warnings=tuple(check.line for check in failed),
        higher_is_better=higher_is_better(metric, [task.directions]) is not False,
    )


def _pooled(
    run: Run, parts: Sequence[tuple[TaskRun, str, Published]], margin: float, not_valid: Sequence[str]
) -> PooledChange:
    """All documents of the tasks against the mean of the published scores that has the same weights."""
    pooled = PooledChange(run.name, NAME, tuple(task.title for task, _, _ in parts), None)
    if not_valid:
        return replace(pooled, problem=f"not valid, so it cannot be judged: {', '.join(not_valid)}")
    directions = {higher_is_better(metric, [task.directions]) is not False for task, metric, _ in parts}
    if len(directions) > 1:
        return replace(pooled, problem="higher is better in some tasks, lower in others; choose --tasks")
    if both := stats.nested({task.title: task.samples.hashes[:, 0] for task, _, _ in parts}):
        return replace(pooled, problem=f"{both[0]} and {both[1]} share documents; choose --filter")
    sizes = np.array([task.n for task, _, _ in parts], float)
    weights = sizes / sizes.sum()
    value = float(weights @ [score.value for _, _, score in parts])
    n = None
    if all(score.n for _, _, score in parts):
        variance = sum(
            weight**2 * score.value * (1 - score.value) / (score.n or 1)
            for weight, (_, _, score) in zip(weights, parts, strict=True)
        )
        n = max(1, round(value * (1 - value) / variance)) if variance else sum(score.n or 0 for _, _, score in parts)
    elif any(score.n for _, _, score in parts):
        return replace(pooled, problem="some published scores have a number of questions, others none; give it for all")
    values = np.concatenate([task.samples.scores[metric] for task, metric, _ in parts])
    clusters = np.concatenate([task.samples.cluster for task, _, _ in parts])
    change = _change(values, clusters, Published("", value, n), margin)
    return replace(pooled, change=change, higher_is_better=directions.pop())


def _change(values: Floats, clusters: np.ndarray, score: Published, margin: float) -> Change:
    """The difference to a published score: Newcombe's interval; p of a score test, pooled where the score has an `n`."""
    own = stats.share_estimate(values, clusters)
    narrow = stats.share_estimate(values, clusters, ONE_SIDED)
    reference = score.estimate(stats.critical_value())
    n, freedom = stats.effective_size(values, Rows.pooled(len(values), clusters))
    spread = sqrt(_variance(own.value, n) + (_variance(score.value, score.n) if score.n else 0.0))
    difference = stats.unpaired_difference(reference, own)
    one_sided = stats.unpaired_difference(score.estimate(stats.critical_value(level=ONE_SIDED)), narrow)
    return Change(
        base=reference,
        variant=own,
        difference=replace(difference, n=len(values)),
        one_sided=replace(one_sided, n=len(values)),
        method="unpaired",
        p=_p(own.value, n, freedom, score),
        p_equivalent=stats.tost_mean(own.value - score.value, spread, margin, freedom),
        power=Power(spread, freedom),
        questions=len(np.unique(clusters)),
    )


def _p(value: float, n: float, freedom: float, score: Published) -> float:
    """Two-sided p of a score test: the variance is that of no difference."""
    if score.n is None:
        return stats.t_test(value - score.value, sqrt(_variance(score.value, n)), freedom)
    pooled = (n * value + score.n * score.value) / (n + score.n)
    return stats.t_test(value - score.value, sqrt(_variance(pooled, n) + _variance(pooled, score.n)), freedom)


def _variance(share: float, n: float) -> float:
    return share * (1 - share) / n
