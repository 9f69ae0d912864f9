"""The data of a report: the runs, read and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare import Comparison, Options, compare, read_folders
from mcqa_suite.analysis.compare.lineage import lineage
from mcqa_suite.analysis.compare.tasks import matches, selected_tasks
from mcqa_suite.analysis.leaderboard import Leaderboard, leaderboard
from mcqa_suite.common.errors import ComparisonError, ConfigError, DatasetError, McqaError
from mcqa_suite.logs.named_runs import expanded, named_path
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.same_run import run_files
from mcqa_suite.logs.settings import NO_FILTER
from mcqa_suite.reporting.templating import clean

Values = tuple[str, tuple[tuple[str, str, str], ...]]  # (name of a run, its (task, metric, value) rows)


@dataclass(frozen=True)
class Page:
    """The runs and their comparison.

    `without_samples`: the aggregated values of runs that cannot be paired. `metric`: the metric that the user named, None for the
    default.
    """

    runs: tuple[Run, ...]
    base: Run | None
    floor: Run | None
    report: Comparison | None
    board: Leaderboard | None
    problems: tuple[str, ...]
    without_samples: tuple[Values, ...] = ()
    metric: str | None = None


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
    first = runs[0] if base else None
    if base is None and compared and (line := lineage(compared)).recorded:
        first = line.base
    if floor is not None and base is None and first is None:
        raise ConfigError("--noise-floor needs a base to compare with; name the base with --base")
    report = None
    variants = [run for run in compared if run is not first]
    if first is not None and (variants or floor):
        try:
            report = compare(first, variants, options, noise_floor=floor, leave_out=True, to_first=base is not None)
            if folders.subset:
                report = replace(report, subset=folders.subset, notes=(f"{folders.subset}.", *report.notes))
        except ComparisonError as error:  # the leaderboard is shown without a comparison
            problems.append(str(error))
    problems += report.problems if report else [problem for run in readable for problem in run.problems]
    ranked = [run for run in readable if run is not floor] or readable
    board = leaderboard(ranked, options.metric, comparison=report, noise_floor=floor)
    board = replace(board, subset=folders.subset)
    problems += board.problems
    return Page(readable, first, floor, report, board, tuple(dict.fromkeys(problems)), without_samples, options.metric)


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
