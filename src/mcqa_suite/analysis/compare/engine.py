"""Compare a base and its variants, as runs or as folders, task by task and group by group."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare.filters import selected_filters
from mcqa_suite.analysis.compare.result import Comparison, ComparisonRow, FailedCheck, Key, Kind
from mcqa_suite.analysis.compare.significance import with_verdicts
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import (
    Options,
    PairedTask,
    cluster_notes,
    direction_notes,
    lacking,
    paired_tasks,
    rows_of,
    selected_tasks,
    unmatched,
)
from mcqa_suite.common.errors import ComparisonError, DatasetError
from mcqa_suite.logs.agreement import UnpairedCounts, asked_differently, differ_without_effect
from mcqa_suite.logs.clusters import INDEPENDENT
from mcqa_suite.logs.named_runs import read_runs
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY, DTYPE, Difference, difference_words


def compare(
    base: Run,
    variants: Sequence[Run],
    options: Options = Options(),  # noqa: B008  (frozen)
    *,
    noise_floor: Run | None = None,
    leave_out: bool = False,
) -> Comparison:
    """Compare the base with each variant, and with `noise_floor`, a second run of the base, for example of another batch size.

    Raises ComparisonError if a task was asked differently (`logs.settings`) and if no task could be compared. `options.force`
    compares such tasks all the same, `leave_out` leaves them out. `problems` of the result names the tasks that could not be
    compared.
    """
    notes = unmatched(base, options.tasks)
    others = [*variants, *([noise_floor] if noise_floor else [])]
    selected = selected_tasks(base, options.tasks)
    mismatches = [line for run in others for line in _mismatches(base, run, selected, run is noise_floor)]
    if mismatches and not (options.force or leave_out):
        raise ComparisonError("\n  ".join(["settings differ; --force compares anyway:", *dict.fromkeys(mismatches)]))
    notes += [note for variant in others for note in _same_prompts(base, variant)]
    problems = [problem for run in (base, *others) for problem in run.problems]
    notes += [f"{run.name}: {note}" for run in (base, *others) for note in run.notes]
    clustered = False
    incomplete: list[str] = []
    rows: list[ComparisonRow] = []
    checks: dict[FailedCheck, None] = {}
    unpaired: dict[str, dict[Key, UnpairedCounts]] = {}
    for variant in others:
        kind: Kind = "noise floor" if variant is noise_floor else "task"
        tasks, errors = paired_tasks(base, variant, options, len(others))
        problems += errors
        unpaired[variant.name] = {key: task.unpaired for key, task in tasks.items() if task.unpaired.total}
        tasks = {key: task for key, task in tasks.items() if task.pairs.n}
        if not options.force:
            floor = kind == "noise floor"
            tasks = {key: task for key, task in tasks.items() if not _asked_differently(base, variant, key, floor)}
        clustered |= any(task.run.samples.clustered_by for task in tasks.values())
        checks |= dict.fromkeys(check for task in tasks.values() for check in task.failed_checks)
        of_variant, lines = rows_of(base, variant.name, kind, tasks, options)
        if options.force:
            of_variant = [replace(row, forced=tuple(_overridden(row, base, variant, tasks))) for row in of_variant]
        rows += of_variant
        incomplete += lacking(base, variant, options.tasks)
        notes += [*lines, *cluster_notes(tasks, options.cluster), *direction_notes(tasks.values())]
    if not rows:
        problems += [f"{ASKED_DIFFERENTLY}: {line}" for line in mismatches]
        raise ComparisonError("; ".join(problems) or f"{base.path}: no task or group is called {options.tasks!r}")
    if options.cluster not in (None, INDEPENDENT) and not clustered:
        raise ComparisonError(_no_field(base, str(options.cluster)))
    problems += [check.line for check in checks if check.of_input]
    judged, families = with_verdicts(rows, options.margin)
    order = {key: index for index, key in enumerate(dict.fromkeys((row.task, row.filter) for row in rows))}
    # groups before tasks; the sort is stable, so the order of the variants stays
    judged.sort(key=lambda row: (not row.members, order[row.task, row.filter]))
    return Comparison(
        base=base.name,
        margin=options.margin,
        cluster=options.cluster,
        families=families,
        rows=tuple(judged),
        unpaired=unpaired,
        titles={key: task.title for run in (base, *others) for key, task in run.tasks.items()},
        health=tuple(checks),
        mismatches=tuple(dict.fromkeys(mismatches)),
        forced=options.force,
        incomplete=tuple(dict.fromkeys(incomplete)),
        problems=tuple(dict.fromkeys(problems)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _mismatches(base: Run, variant: Run, tasks: Container[str], noise_floor: bool) -> Iterator[str]:
    """One line for each setting in which one of the tasks was asked differently."""
    for key in (key for key in base.tasks if key in variant.tasks and key[0] in tasks):
        for pair in _asked_differently(base, variant, key, noise_floor):
            yield f"{key[0]}: {difference_words([pair], base.name, variant.name)}"


def _asked_differently(base: Run, variant: Run, key: Key, noise_floor: bool = False) -> list[Difference]:
    """The settings for which a task is not compared; a noise floor may be the same model in another dtype."""
    pairs = asked_differently(base.tasks[key], variant.tasks[key])
    return [pair for pair in pairs if not (noise_floor and pair[0] == DTYPE)]


def _overridden(row: ComparisonRow, base: Run, variant: Run, tasks: Mapping[Key, PairedTask]) -> Iterator[str]:
    """What differs between two runs in the tasks of a row, and was overridden."""
    for name in row.members or (row.task,):
        key = (name, row.filter)
        for pair in _asked_differently(base, variant, key):
            yield f"{name}: {difference_words([pair], base.name, variant.name)}"
        if tasks[key].unpaired.too_many(tasks[key].pairs.n):
            yield f"{name}: documents left out: {tasks[key].unpaired.reasons(base.name, variant.name)}"


def _same_prompts(base: Run, variant: Run) -> Iterator[str]:
    """A note on each task whose settings differ without effect."""
    for key in (key for key in base.tasks if key in variant.tasks):
        if pairs := differ_without_effect(base.tasks[key], variant.tasks[key]):
            reason = (
                "the weights are of another kind"
                if [name for name, *_ in pairs] == [DTYPE]
                else "the prompts are the same"
            )
            yield f"{key[0]}: {difference_words(pairs, base.name, variant.name)}: {reason}, so they are compared"


def _no_field(base: Run, cluster: str) -> str:
    fields = dict.fromkeys(name for task in base.tasks.values() for name in task.samples.fields if name != cluster)
    return f"{base.path}: --cluster {cluster}: no document has this field; there are: {', '.join(fields) or 'none'}"


@dataclass(frozen=True)
class Folders:
    """`runs` in the given order, None for an unreadable one, which has a line in `errors`.

    `subset`: a note that names the documents that were read; None for all.
    """

    runs: tuple[Run | None, ...]
    errors: tuple[str, ...]
    subset: str | None = None

    @property
    def readable(self) -> list[Run]:
        """The runs that could be read. Raises DatasetError if there are none."""
        runs = [run for run in self.runs if run is not None]
        if not runs:
            raise DatasetError("\n".join(self.errors))
        return runs


def read_folders(
    texts: Sequence[str], *, cluster: str | None = None, subset: Path | None = None, filters: str | None = None
) -> Folders:
    """Read runs given as PATH, PATH@STAMP or NAME=PATH; `subset` is the clean.json of an audit.

    `filters` selects results by the names of filters, as `selected_filters` does.
    """
    runs, errors = read_runs(texts, cluster)
    for index, run in enumerate(runs):
        if run is not None and filters is not None:
            try:
                runs[index] = selected_filters(run, filters)
            except ComparisonError as error:
                runs[index] = None
                errors.append(str(error))
    if subset is None:
        return Folders(tuple(runs), tuple(errors))
    documents = read_subset(subset)
    return Folders(tuple(run and restricted(run, documents) for run in runs), tuple(errors), documents.note)


def compare_folders(
    base: str,
    variants: Sequence[str],
    options: Options = Options(),  # noqa: B008  (frozen)
    *,
    noise_floor: str | None = None,
    subset: Path | None = None,
) -> Comparison:
    """Compare folders of `lm_eval --log_samples`; an unreadable variant becomes a line of `problems`.

    Raises DatasetError if the base or every variant is unreadable, and ComparisonError as `compare` does.
    """
    texts = [base, *variants, *([noise_floor] if noise_floor else [])]
    folders = read_folders(texts, cluster=options.cluster, subset=subset, filters=options.filter)
    first, *others = folders.runs
    if first is None:
        raise DatasetError(folders.errors[0])
    floor = others.pop() if noise_floor else None
    readable = [run for run in others if run is not None]
    if not readable and floor is None:
        raise DatasetError("\n".join(folders.errors))
    comparison = compare(first, readable, options, noise_floor=floor)
    return replace(comparison, subset=folders.subset, problems=(*folders.errors, *comparison.problems))
