"""What a report is made of: the runs, read and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare import Comparison, Options, compare
from mcqa_suite.analysis.compare.tasks import matches
from mcqa_suite.common.errors import ComparisonError, ConfigError, DatasetError, McqaError
from mcqa_suite.logs.named_runs import named_path, read_runs
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting import provenance, summary, views
from mcqa_suite.reporting.training_logs import Curve


@dataclass(frozen=True)
class Page:
    """What the template needs; everything but `plots` and `browser` is text that it escapes."""

    runs: tuple[Run, ...]
    base: Run | None
    floor: Run | None
    report: Comparison | None
    summary: summary.Summary | None
    problems: tuple[str, ...]
    without_samples: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = ()
    curves: tuple[Curve, ...] = ()


def gather(given: Sequence[str], *, base: str | None = None, noise_floor: str | None = None, tasks: str = "*") -> Page:
    """The runs, compared where there is a base. A run that is also the base is taken once."""
    if noise_floor is not None and base is None:
        raise ConfigError("--noise-floor is the base again; name the base with --base")
    apart = [_place(text) for text in (base, noise_floor) if text is not None]
    given = [text for text in given if _place(text) not in apart]
    texts = [*([base] if base else []), *given, *([noise_floor] if noise_floor else [])]
    read, problems = read_runs(texts, None)
    bare = tuple(_bare(text) for text, run in zip(texts, read, strict=True) if run is None)
    runs = [None if run is None else _wanted(replace(run, name=views.clean(run.name)), tasks) for run in read]
    readable = tuple(run for run in runs if run is not None)
    if not readable:
        if not any(values for _, values in bare):
            raise DatasetError("; ".join(problems))
        return Page((), None, None, None, None, tuple(problems), bare)
    if not any(run.tasks for run in readable):
        raise ConfigError(f"--tasks {tasks}: no task or group is called so; the runs have {_some(read)}")
    first = runs[0] if base else None
    floor = runs[-1] if noise_floor else None
    others = [run for run in readable if run is not first and run is not floor]
    report = None
    if first is not None and (others or floor):
        # Forced: what does not agree is shown in red, and makes a variant "not comparable".
        try:
            report = compare(first, others, Options(tasks=tasks, force=True), noise_floor=floor)
        except ComparisonError as error:  # the leaderboard may still stand
            problems.append(str(error))
    problems += report.problems if report else [problem for run in readable for problem in run.problems]
    ranked = [run for run in readable if run is not floor] or readable
    return Page(readable, first, floor, report, summary.summarise(ranked), tuple(dict.fromkeys(problems)), bare)


def _place(text: str) -> Path:
    return named_path(text)[1].resolve()


def _some(runs: Sequence[Run | None]) -> str:
    names = [task for run in runs if run for task in run.by_task]
    return ", ".join(dict.fromkeys(names[:3]))


def _wanted(run: Run, patterns: str) -> Run:
    """The run with the tasks and groups that match alone, and the members of those groups."""
    groups = {name: group for name, group in run.groups.items() if matches(name, patterns)}
    names = {task for task, _ in run.tasks if matches(task, patterns)}.union(*(g.tasks for g in groups.values()))
    return replace(run, tasks={key: task for key, task in run.tasks.items() if key[0] in names}, groups=groups)


def _bare(text: str) -> tuple[str, tuple[tuple[str, str, str], ...]]:
    """A run that could not be read: its name, and the harness's own values where it left any."""
    name, path = named_path(text)
    try:
        values = tuple(provenance.harness_values(path))
    except McqaError:
        values = ()
    return views.clean(name or path.name), values
