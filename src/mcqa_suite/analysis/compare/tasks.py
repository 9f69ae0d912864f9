"""The tasks of a base and one variant, paired and looked over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from mcqa_suite.analysis.compare import health, measure
from mcqa_suite.analysis.compare.pairing import Pairs, UnpairedCounts, pair
from mcqa_suite.analysis.compare.result import Change, ComparisonRow, FailedCheck, Kind
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.logs.sample_values import METRICS

Key = tuple[str, str]


@dataclass(frozen=True)
class Options:
    """`tasks` holds globs over names of tasks and groups, with commas between; `metric` None takes the first of METRICS
    that either run has, and never another; `margin` is a fraction of 1; `force` goes on where settings do not agree."""

    tasks: str = "*"
    metric: str | None = None
    margin: float = 0.01
    cluster: str | None = None
    force: bool = False


@dataclass(frozen=True)
class PairedTask:
    """A task of one variant, paired, with what is wrong with it."""

    run: TaskRun
    metric: str
    pairs: Pairs
    unpaired: UnpairedCounts
    findings: tuple[FailedCheck, ...]

    @property
    def broken(self) -> bool:
        return any(finding.broken for finding in self.findings)

    @property
    def one_cluster(self) -> bool:
        return self.pairs.cluster is not None and bool((self.pairs.cluster == self.pairs.cluster[0]).all())


def paired_tasks(base: Run, variant: Run, options: Options, variants: int) -> tuple[dict[Key, PairedTask], list[str]]:
    """Every wanted task that both runs have, and a line for each that could not be paired."""
    wanted = _wanted(base, options.tasks)
    common = [key for key in base.tasks if key in variant.tasks and key[0] in wanted]
    if not common:
        have = ", ".join(sorted({key[0] for key in variant.tasks})[:3])
        remedy = f"run it on {', '.join(sorted(wanted)[:3]) or 'the same tasks'}"
        return {}, [f"{variant.path}: has none of {base.name}'s tasks (it has {have}); {remedy}"]
    same_model = base.path.resolve() == variant.path.resolve() or (
        base.model is not None and base.model == variant.model
    )
    done, problems = {}, []
    for key in common:
        one, other = base.tasks[key], variant.tasks[key]
        metric = options.metric or preferred_metric([*one.samples.scores, *other.samples.scores]) or METRICS[0]
        if lacking := [run for run in (base, variant) if metric not in run.tasks[key].samples.scores]:
            known = ", ".join(lacking[0].tasks[key].samples.scores) or "none"
            problems.append(
                f"no metric {metric} in {lacking[0].path}: {key[0]} (it has {known}); choose another --metric"
            )
            continue
        pairs, unpaired = pair(one.samples, other.samples, metric)
        odd = ~(np.isfinite(pairs.base.score) & np.isfinite(pairs.variant.score))
        if odd.any():
            where = f"{int(odd.sum())} of {pairs.n} documents"
            problems.append(f"{variant.path}: {key[0]}: {metric} is no number in {where}; choose another --metric")
            continue
        findings: list[FailedCheck] = []
        if pairs.n:
            findings = health.failed_checks(
                pairs, key[0], base.name, variant.name, same_model=same_model, comparisons=variants * len(common)
            )
            findings += [_lost(run, key) for run in (base, variant) if run.tasks[key].failed_share > health.FAILED]
        else:
            problems.append(f"{variant.path}: {key[0]}: {_why_none(unpaired)}")
        done[key] = PairedTask(one, metric, pairs, unpaired, tuple(findings))
    return done, problems


def _lost(run: Run, key: Key) -> FailedCheck:
    share = f"{100 * run.tasks[key].failed_share:.1f} % of its items got no answer"
    return FailedCheck(key[0], run.name, "failed", f"{share}: what is left may be easier, or shorter", broken=False)


def _why_none(unpaired: UnpairedCounts) -> str:
    if differ := [
        f"{n} differ in their {what}" for what in ("doc", "prompt", "target") if (n := getattr(unpaired, what))
    ]:
        return f"no document in common ({', '.join(differ)}); run both with the same task files and settings"
    return "no document in common; run both on the same documents (--limit, --samples)"


def matches(name: str, patterns: str) -> bool:
    """Whether a task's or group's name fits one of the globs."""
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


def unmatched(base: Run, patterns: str) -> list[str]:
    """Globs that no task or group of the run fits, a line each; ComparisonError where none fits."""
    names = sorted({task for task, _ in base.tasks} | base.groups.keys())
    globs = [pattern.strip() for pattern in patterns.split(",")]
    idle = [pattern for pattern in globs if not any(matches(name, pattern) for name in names)]
    if len(idle) == len(globs):
        few = f"{', '.join(names[:20])}{f' and {len(names) - 20} more' if len(names) > 20 else ''}"
        raise ComparisonError(f"--tasks {patterns!r} matches nothing in {base.path}; there are: {few}")
    return [f"--tasks {pattern!r} matches nothing in {base.name}" for pattern in idle]


def _wanted(base: Run, patterns: str) -> set[str]:
    """Tasks that match, and the members of groups that do."""
    tasks = {task for task, _ in base.tasks if matches(task, patterns)}
    return tasks.union(*(group.tasks for group in base.groups.values() if matches(group.name, patterns)))


def preferred_metric(known: Sequence[str], wanted: str | None = None) -> str | None:
    """`wanted` if it is known; where none is wanted, the first of METRICS that is; None where there is none."""
    return next((name for name in ([wanted] if wanted else METRICS) if name in known), None)


def row(task: PairedTask, variant: str, kind: Kind, margin: float) -> ComparisonRow:
    """A task's row of the report, its p-values still uncorrected."""
    return comparison(task, task.run.task, variant, kind, task.pairs, measure.change(task.pairs, margin))


def comparison(example: PairedTask, name: str, variant: str, kind: Kind, pairs: Pairs, change: Change) -> ComparisonRow:
    """A row called `name` for pairs of one task, or of several of which `example` is one."""
    base, other = pairs.base, pairs.variant
    return ComparisonRow(
        task=name,
        metric=example.metric,
        filter=example.run.filter,
        variant=variant,
        kind=kind,
        n=pairs.n,
        n_shot=example.run.n_shot,
        change=change,
        flips=measure.flips(pairs),
        choices=measure.choices(pairs),
        top_agreement=float((base.answer == other.answer).mean()),
        unread_base=None if base.unread is None else float(base.unread.mean()),
        unread_variant=None if other.unread is None else float(other.unread.mean()),
        chance=None if base.right is None or other.right is None else pairs.chance,
        verdict="broken" if example.broken else "no detectable change",
    )
