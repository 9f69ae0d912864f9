"""Compare variants with what they were made from, as runs or as folders, task by task and group by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcqa_suite.analysis.compare.filters import selected_filters
from mcqa_suite.analysis.compare.health import Copies, copies_among
from mcqa_suite.analysis.compare.lineage import lineage
from mcqa_suite.analysis.compare.result import Comparison, ComparisonRow, Key, Kind, PooledChange
from mcqa_suite.analysis.compare.rows import pooled_change, rows_of
from mcqa_suite.analysis.compare.selection import lacking, selected_tasks, unmatched
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import Options, PairedTask, cluster_notes, direction_notes, paired_tasks
from mcqa_suite.analysis.compare.verdicts import with_verdicts
from mcqa_suite.common.errors import ComparisonError, ConfigError, DatasetError
from mcqa_suite.logs.agreement import UnpairedCounts, asked_differently, differ_without_effect
from mcqa_suite.logs.clusters import INDEPENDENT
from mcqa_suite.logs.main_metric import main_metrics
from mcqa_suite.logs.named_runs import read_runs
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY, DTYPE, Difference, difference_words
from mcqa_suite.logs.weights import other_weights


def compare(
    base: Run,
    variants: Sequence[Run],
    options: Options = Options(),  # noqa: B008  (frozen)
    *,
    noise_floor: Run | None = None,
    leave_out: bool = False,
    to_first: bool = False,
) -> Comparison:
    """Compare each variant with its parent (`analysis.compare.lineage`), or `to_first` with the base.

    `noise_floor` is a second run of the base, for example of another batch size. Raises ConfigError if it is of other weights,
    and ComparisonError if a task was asked differently (`logs.settings`) and if no task could be compared. `options.force`
    compares all the same, `leave_out` leaves such tasks out. `problems` of the result names the tasks that could not be compared.
    """
    line = lineage([base, *variants], to_first=to_first)
    if noise_floor and not options.force and (reason := _other_floor(line.base, noise_floor)):
        remedy = f"give a second run of {line.base.name}; compare --force overrides"
        raise ConfigError(f"--noise-floor {noise_floor.path}: {reason}; {remedy}")
    pairs = [*line.parents, *([(noise_floor, line.base)] if noise_floor else [])]
    runs = [line.base, *(variant for variant, _ in pairs)]
    idle = unmatched(line.base, options.tasks)
    notes = [*line.notes, *idle]
    mismatches = [line for pair in pairs for line in _mismatches(*pair, options, pair[0] is noise_floor)]
    if mismatches and not (options.force or leave_out):
        raise ComparisonError("\n  ".join(["settings differ; --force compares anyway:", *dict.fromkeys(mismatches)]))
    notes += [note for variant, parent in pairs for note in _same_prompts(parent, variant)]
    notes += [f"{run.name}: {note}" for run in runs for note in run.notes]
    metrics = main_metrics(line.base) if options.metric is None else {}
    copies = copies_among([line.base, *line.variants])
    compared = [_against_parent(*pair, options, metrics, len(pairs), copies, pair[0] is noise_floor) for pair in pairs]
    problems = [problem for run in runs for problem in run.problems] + [
        line for one in compared for line in one.problems
    ]
    rows = [row for one in compared for row in one.rows]
    if not rows:
        problems += [f"{ASKED_DIFFERENTLY}: {line}" for line in mismatches]
        raise ComparisonError("; ".join(problems) or f"{base.path}: no task or group is called {options.tasks!r}")
    clustered = any(task.run.samples.clustered_by for one in compared for task in one.tasks.values())
    if options.cluster not in (None, INDEPENDENT) and not clustered:
        raise ComparisonError(_no_field(line.base, str(options.cluster)))
    checks = dict.fromkeys(check for one in compared for task in one.tasks.values() for check in task.failed_checks)
    problems += [check.line for check in checks if check.of_input]
    judged, families = with_verdicts(rows, options.margin)
    order = {key: index for index, key in enumerate(dict.fromkeys((row.task, row.filter) for row in rows))}
    # groups before tasks; the sort is stable, so the order of the variants stays
    judged.sort(key=lambda row: (not row.members, order[row.task, row.filter]))
    return Comparison(
        base=line.base.name,
        margin=options.margin,
        cluster=options.cluster,
        families=families,
        rows=tuple(judged),
        parents={variant.name: parent.name for variant, parent in pairs},
        unpaired={variant.name: one.unpaired for (variant, _), one in zip(pairs, compared, strict=True)},
        titles={key: task.title for run in runs for key, task in run.tasks.items()},
        pooled=tuple(
            one.pooled for (variant, _), one in zip(pairs, compared, strict=True) if variant is not noise_floor
        ),
        health=tuple(checks),
        mismatches=tuple(dict.fromkeys(mismatches)),
        forced=options.force,
        incomplete=tuple(dict.fromkeys(line for one in compared for line in one.incomplete)),
        unmatched=tuple(idle),
        problems=tuple(dict.fromkeys(problems)),
        notes=tuple(dict.fromkeys([*notes, *(line for one in compared for line in one.notes)])),
    )


@dataclass(frozen=True)
class _Compared:
    """A variant against its parent: the paired tasks, the rows, and what could not be compared."""

    tasks: dict[Key, PairedTask]
    rows: list[ComparisonRow]
    unpaired: dict[Key, UnpairedCounts]
    pooled: PooledChange
    problems: list[str]
    incomplete: list[str]
    notes: list[str]


def _against_parent(
    variant: Run,
    parent: Run,
    options: Options,
    metrics: Mapping[Key, str],
    variants: int,
    copies: Copies,
    noise_floor: bool,
) -> _Compared:
    kind: Kind = "noise floor" if noise_floor else "task"
    tasks, problems = paired_tasks(parent, variant, options, metrics, variants, copies)
    unpaired = {key: task.unpaired for key, task in tasks.items() if task.unpaired.total}
    tasks = {key: task for key, task in tasks.items() if task.pairs.n}
    if not options.force:
        tasks = {key: task for key, task in tasks.items() if not _asked_differently(parent, variant, key, noise_floor)}
    rows, notes = rows_of(parent, variant, kind, tasks, options)
    if options.force:
        floor = [reason] if noise_floor and (reason := _other_floor(parent, variant)) else []
        rows = [replace(row, forced=(*floor, *_overridden(row, parent, variant, tasks))) for row in rows]
    notes += [*cluster_notes(tasks, options.cluster), *direction_notes(tasks.values())]
    pooled = pooled_change(parent.name, variant.name, list(tasks.values()), options.margin)
    return _Compared(tasks, rows, unpaired, pooled, problems, lacking(parent, variant, options.tasks), notes)


def _other_floor(base: Run, noise_floor: Run) -> str:
    """In what a noise floor is no second run of the base; "" where nothing says so."""
    pairs = other_weights(base.weights, noise_floor.weights)
    return f"other weights than the base's: {difference_words(pairs, base.name, noise_floor.name)}" if pairs else ""


def _mismatches(variant: Run, base: Run, options: Options, noise_floor: bool) -> Iterator[str]:
    """One line for each setting in which one of the tasks was asked differently."""
    tasks = selected_tasks(base, options.tasks)
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


def _check_field(runs: Sequence[Run], cluster: str | None) -> None:
    has_field = any(task.samples.clustered_by for run in runs for task in run.tasks.values())
    if runs and cluster not in (None, INDEPENDENT) and not has_field:
        raise ComparisonError(_no_field(runs[0], str(cluster)))


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

    `filters` selects results by the names of filters, as `selected_filters` does. Raises ComparisonError where no document has
    the field `cluster`.
    """
    runs, errors = read_runs(texts, cluster)
    _check_field([run for run in runs if run is not None], cluster)
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
    to_first: bool = False,
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
    comparison = compare(first, readable, options, noise_floor=floor, to_first=to_first)
    return replace(comparison, subset=folders.subset, problems=(*folders.errors, *comparison.problems))
