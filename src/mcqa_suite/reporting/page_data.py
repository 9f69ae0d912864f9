"""The data of a report: the runs, read and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare import Comparison, Options, compare, read_folders
from mcqa_suite.analysis.compare.lineage import lineage
from mcqa_suite.analysis.compare.selection import matches, selected_tasks
from mcqa_suite.analysis.leaderboard import Leaderboard, leaderboard, rung_leaderboard
from mcqa_suite.common.errors import ComparisonError, ConfigError, DatasetError, McqaError
from mcqa_suite.logs.named_runs import expanded, named_path
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.logs.settings import NO_FILTER
from mcqa_suite.reporting.templating import clean

MOST_COLUMNS = 80
Values = tuple[str, tuple[tuple[str, str, str], ...]]  # (name of a run, its (task, metric, value) rows)


@dataclass(frozen=True)
class Page:
    """The runs and their comparison.

    `other`: the same runs compared in the other way, with their parents or all with the base; None where that is the same.
    `without_samples`: the aggregated values of runs that cannot be paired. `metric`: the metric that the user named, None for the
    default. `recipe`: the name of the recipe that made them, "" where it is not known. `more`: the tasks under the metrics by
    which they are not judged, without differences; None where there is none, or more than MOST_COLUMNS.
    """

    runs: tuple[Run, ...]
    base: Run | None
    floor: Run | None
    report: Comparison | None
    board: Leaderboard | None
    problems: tuple[str, ...]
    without_samples: tuple[Values, ...] = ()
    metric: str | None = None
    other: tuple[Comparison, Leaderboard] | None = None
    recipe: str = ""
    more: Leaderboard | None = None

    @property
    def views(self) -> list[tuple[Comparison, Leaderboard]]:
        """The ways to compare that the reader can switch between, the default first; empty without a comparison."""
        first = [(self.report, self.board)] if self.report and self.board else []
        return [*first, *([self.other] if self.other else [])]


def gather(
    names: Sequence[str],
    *,
    base: str | None = None,
    noise_floor: str | None = None,
    options: Options = Options(),  # noqa: B008  (frozen)
    subset: Path | None = None,
) -> Page:
    """Read the runs, each a path or NAME=PATH, and compare them with the base if there is one.

    Without a `base`, each is compared with its parent, as far as the manifests say what was made from what.
    """
    special = [_resolved(text) for text in (base, noise_floor) if text is not None]
    others = [text for text in expanded(names, filter(None, (base, noise_floor))) if _resolved(text) not in special]
    texts = [*([base] if base else []), *others, *([noise_floor] if noise_floor else [])]
    folders = read_folders(texts, cluster=options.cluster, subset=subset, filters=options.filter)
    read, problems, tasks = folders.runs, list(folders.errors), options.tasks
    without_samples = tuple(_harness_values(text) for text, run in zip(texts, read, strict=True) if run is None)
    runs = [None if run is None else _matching(replace(run, name=clean(run.name)), tasks) for run in read]
    readable = tuple(run for run in runs if run is not None)
    if not readable:
        if not any(values for _, values in without_samples):
            raise DatasetError("; ".join(problems))
        return Page((), None, None, None, None, tuple(problems), without_samples)
    if not any(run.tasks for run in readable):
        examples = ", ".join(dict.fromkeys(task for run in read if run for task in run.task_names[:3]))
        raise ConfigError(f"--tasks {tasks}: matches no task or group; the runs have {examples}")
    floor = runs[-1] if noise_floor else None
    compared = [run for run in readable if run is not floor]
    first, line = (runs[0] if base else None), lineage(compared) if compared else None
    if line and line.recorded and (base is None or line.base is first):
        first, compared = line.base, line.ordered
        readable = (*compared, *([floor] if floor else []))
    else:
        line = None
    if floor is not None and base is None and first is None:
        raise ConfigError("--noise-floor needs a base to compare with; name the base with --base")
    variants = [run for run in compared if run is not first]
    report = other = None
    if first is not None and (variants or floor):
        both = line is not None and any(parent is not first for _, parent in line.parents)
        report, other = _both_ways(first, variants, floor, options, problems, to_first=base is not None, both=both)
        if report and folders.subset:
            report = replace(report, subset=folders.subset, notes=(f"{folders.subset}.", *report.notes))
    problems += report.problems if report else [problem for run in readable for problem in run.problems]
    ranked = [run for run in readable if run is not floor] or readable
    board = leaderboard(ranked, options.metric, comparison=report, noise_floor=floor)
    board = replace(board, subset=folders.subset)
    problems += board.problems
    switched = None
    if other is not None:
        switched = other, leaderboard(ranked, options.metric, comparison=other, noise_floor=floor)
    unique = tuple(dict.fromkeys(problems))
    more = _other_metrics(ranked, board)
    return Page(readable, first, floor, report, board, unique, without_samples, options.metric, switched, more=more)


def _both_ways(
    first: Run,
    variants: Sequence[Run],
    floor: Run | None,
    options: Options,
    problems: list[str],
    *,
    to_first: bool,
    both: bool,
) -> tuple[Comparison | None, Comparison | None]:
    """The comparison that was asked for, and where `both` is true the other way too; None adds to the problems.

    Without a comparison the page still has its leaderboard.
    """
    ways: list[Comparison | None] = []
    for way in (to_first, not to_first)[: 1 + both]:
        try:
            ways.append(compare(first, variants, options, noise_floor=floor, leave_out=True, to_first=way))
        except ComparisonError as error:
            problems.append(str(error))
            ways.append(None)
    report, other = (*ways, None)[:2]
    return report, other if report else None


def _other_metrics(runs: Sequence[Run], board: Leaderboard) -> Leaderboard | None:
    """The columns of all tasks, filters and metrics that a leaderboard does not have."""
    columns = {(column.name, column.filter, column.metric) for column in board.columns}
    names = {(column.name, column.filter) for column in board.columns}
    tasks = [key for key in runs[0].tasks if key in names]
    if not tasks or len(tasks) * 2 > MOST_COLUMNS:
        return None
    shown = [replace(run, tasks={key: task for key, task in run.tasks.items() if key in names}) for run in runs]
    try:
        every = rung_leaderboard(shown, {})
    except ComparisonError:  # the results files do not agree on the direction of such a metric
        return None
    chosen = [i for i, c in enumerate(every.columns) if (c.name, c.filter, c.metric) not in columns]
    rows = [replace(row, entries=tuple(row.entries[i] for i in chosen)) for row in every.rows]
    return replace(every, columns=tuple(every.columns[i] for i in chosen), rows=tuple(rows)) if chosen else None


def _resolved(text: str) -> Path:
    return named_path(text)[1].resolve()


def _matching(run: Run, patterns: str) -> Run:
    """The run reduced to the tasks and groups that match, and the tasks of those groups."""
    groups = {name: group for name, group in run.groups.items() if matches(name, patterns)}
    names = selected_tasks(run, patterns)
    return replace(run, tasks={key: task for key, task in run.tasks.items() if key[0] in names}, groups=groups)


def _harness_values(text: str) -> Values:
    """The name of a run without samples, and (task, metric, value with its standard error) of its newest results."""
    name, path = named_path(text)
    try:
        results = run_files(path).files[0][1].get("results", {})
    except McqaError:
        results = {}
    rows = []
    for task, values in results.items():
        for key, value in values.items():
            if isinstance(value, (int, float)) and "," in key and "_stderr" not in key:
                error = values.get(key.replace(",", "_stderr,", 1))
                shown = f" ± {error:.4f}" if isinstance(error, float) else ""
                rows.append((task, key.removesuffix(f",{NO_FILTER}").replace(",", ", "), f"{value:.4f}{shown}"))
    return clean(name or path.name), tuple(rows)
