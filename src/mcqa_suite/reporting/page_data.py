"""The data of a report: the runs, read and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare import Comparison, Options, compare, read_folders
from mcqa_suite.analysis.compare.tasks import matches
from mcqa_suite.analysis.leaderboard import Leaderboard, leaderboard
from mcqa_suite.common.errors import ComparisonError, ConfigError, DatasetError, McqaError
from mcqa_suite.logs.named_runs import named_path
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting import provenance, views
from mcqa_suite.reporting.training_logs import Curve

Bare = tuple[str, tuple[tuple[str, str, str], ...]]


@dataclass(frozen=True)
class Page:
    """The runs and their comparison; `without_samples` are names with the harness's own (task, metric, value)."""

    runs: tuple[Run, ...]
    base: Run | None
    floor: Run | None
    report: Comparison | None
    board: Leaderboard | None
    problems: tuple[str, ...]
    without_samples: tuple[Bare, ...] = ()
    curves: tuple[Curve, ...] = ()


def gather(
    names: Sequence[str],
    *,
    base: str | None = None,
    noise_floor: str | None = None,
    options: Options = Options(),  # noqa: B008  (frozen)
    subset: Path | None = None,
) -> Page:
    """Read the runs, each a path or NAME=PATH, and compare them where there is a base.

    Settings that differ never stop a page. `subset` is the clean.json of an audit.
    """
    if noise_floor is not None and base is None:
        raise ConfigError("--noise-floor is the base again; name the base with --base")
    special = [_resolved(text) for text in (base, noise_floor) if text is not None]
    others = [text for text in names if _resolved(text) not in special]
    texts = [*([base] if base else []), *others, *([noise_floor] if noise_floor else [])]
    folders = read_folders(texts, cluster=options.cluster, subset=subset)
    read, problems, tasks = folders.runs, list(folders.errors), options.tasks
    bare = tuple(_bare(text) for text, run in zip(texts, read, strict=True) if run is None)
    runs = [None if run is None else _matching(replace(run, name=views.clean(run.name)), tasks) for run in read]
    readable = tuple(run for run in runs if run is not None)
    if not readable:
        if not any(values for _, values in bare):
            raise DatasetError("; ".join(problems))
        return Page((), None, None, None, None, tuple(problems), bare)
    if not any(run.tasks for run in readable):
        some = ", ".join(dict.fromkeys(task for run in read if run for task in list(run.by_task)[:3]))
        raise ConfigError(f"--tasks {tasks}: matches no task or group; the runs have {some}")
    first = runs[0] if base else None
    floor = runs[-1] if noise_floor else None
    report = None
    variants = [run for run in readable if run is not first and run is not floor]
    if first is not None and (variants or floor):
        try:  # forced: settings that differ are shown in red, and make a variant "not comparable"
            report = compare(first, variants, replace(options, force=True), noise_floor=floor)
            if folders.subset:
                report = replace(report, subset=folders.subset, notes=(f"{folders.subset}.", *report.notes))
        except ComparisonError as error:  # the leaderboard is shown without a comparison
            problems.append(str(error))
    problems += report.problems if report else [problem for run in readable for problem in run.problems]
    ranked = [run for run in readable if run is not floor] or readable
    board = leaderboard(ranked, options.metric, comparison=report, noise_floor=floor)
    board = replace(board, subset=folders.subset)
    return Page(readable, first, floor, report, board, tuple(dict.fromkeys(problems)), bare)


def _resolved(text: str) -> Path:
    return named_path(text)[1].resolve()


def _matching(run: Run, patterns: str) -> Run:
    """The run with the tasks and groups that match, and the members of those groups."""
    groups = {name: group for name, group in run.groups.items() if matches(name, patterns)}
    names = {task for task, _ in run.tasks if matches(task, patterns)}.union(*(g.tasks for g in groups.values()))
    return replace(run, tasks={key: task for key, task in run.tasks.items() if key[0] in names}, groups=groups)


def _bare(text: str) -> Bare:
    """A run that could not be read: its name, and the values that the harness left."""
    name, path = named_path(text)
    try:
        values = tuple(provenance.harness_values(path))
    except McqaError:
        values = ()
    return views.clean(name or path.name), values
