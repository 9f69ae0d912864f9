"""How much a score varies between draws of tasks whose documents are instances of templates (GSM-Symbolic, symbolic_local).

Each instance number is one draw of the whole set, as in the GSM-Symbolic paper (arXiv 2410.05229): mean and standard deviation
are over these draws. Intervals are over templates, because a conclusion should hold for other templates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.agreement import asked_differently, refusal
from mcqa_suite.logs.integrity import fault_lines
from mcqa_suite.logs.rows import Sample, parse_rows
from mcqa_suite.logs.runs import TaskRun, WithFaults, read_log
from mcqa_suite.logs.same_run import sample_logs
from mcqa_suite.logs.samples import Floats
from mcqa_suite.logs.settings import BETWEEN_TASKS, difference_words
from mcqa_suite.stats import Estimate, PairedMeans, Rows, share_estimate, unpaired_difference

# The end of a task's name says how it asks: mcqa_gsm8k_n8, mcqa_symbolic_local_main_final_answer; "" is the paper's way.
FORM = re.compile(r"(_final_answer)?(_n\d+)?$")
VARIANT = re.compile(rf"_(main|p1|p2|noop)(?={FORM.pattern})")  # in mcqa_symbolic_local_main, mcqa_symbolic_local_p1_n8
ORDER = ("main", "p1", "p2", "noop")
WHOLE_SET = "mcqa_gsm8k"  # the task from whose questions the public templates were made


@dataclass(frozen=True, eq=False)
class Draws(WithFaults):
    """One task of one run, templates x instances.

    `right`: 0 or 1, or the mean over several samples of a question; `docs`: the hash of each document; `originals`: the id of
    each template's GSM8K document, None where the log has none; `left_out`: documents of incomplete draws. `log`: its samples,
    and how the task was asked.
    """

    run: str
    task: str
    templates: tuple[str, ...]
    right: Floats
    docs: NDArray[np.str_]
    originals: tuple[str | None, ...]
    unread: float | None
    left_out: int
    log: TaskRun

    @property
    def family(self) -> str:
        """The task name without its variant (main, p1, p2, noop)."""
        return VARIANT.sub("", self.task)

    @property
    def form(self) -> str:
        return _form(self.task)

    @property
    def variant(self) -> str:
        match = VARIANT.search(self.task)
        return match[1] if match else "main"

    @property
    def by_instance(self) -> Floats:
        """Accuracy of each draw of the set."""
        return np.asarray(self.right.mean(axis=0))

    @property
    def by_template(self) -> Floats:
        return np.asarray(self.right.mean(axis=1))

    @property
    def mean(self) -> Estimate:
        """Mean, with its interval over templates: Wilson's at the effective size."""
        return share_estimate(self.right.ravel(), _clusters(self.right))

    @property
    def std(self) -> float | None:
        """Standard deviation over draws (n - 1); None for a single draw."""
        return float(self.by_instance.std(ddof=1)) if self.right.shape[1] > 1 else None


@dataclass(frozen=True)
class Difference:
    """The second minus the first over common templates; `templates`: their number."""

    value: Estimate
    templates: int


@dataclass(frozen=True)
class Gap:
    """Accuracy on GSM-Symbolic, on the GSM8K questions behind its templates, and on the rest of GSM8K, with differences."""

    symbolic: Estimate
    same: Estimate
    other: Estimate | None
    symbolic_to_same: Estimate
    same_to_other: Estimate | None


@dataclass(frozen=True, eq=False)
class Drawn:
    """One run's templated tasks, and its GSM8K scores, if any: by form, then by document id. `gsm8k_logs`: their logs by form."""

    run: str
    tasks: Mapping[str, Draws]
    gsm8k: Mapping[str, Mapping[str, float]]
    gsm8k_logs: Mapping[str, TaskRun] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each log whose scores cannot be trusted."""
        tasks = [line for draws in self.tasks.values() for line in draws.problems]
        logs = self.gsm8k_logs.values()
        return (
            *tasks,
            *(line for log in logs for line in fault_lines(f"{log.task}, {self.run}", log.faults, invalid=True)),
        )


def read_drawn(name: str, path: Path, metric: str = "acc", filter_name: str | None = None) -> Drawn:
    """The newest log of each templated task of a run; DatasetError where there is none, or a row cannot be read.

    `filter_name`: whose scores to take, where several filters read the answers.
    """
    tasks: dict[str, Draws] = {}
    gsm8k: dict[str, Mapping[str, float]] = {}
    gsm8k_logs: dict[str, TaskRun] = {}
    for task, path_of_log in sample_logs(path).items():
        form = _form(task)
        whole_set = task == f"{WHOLE_SET}{form}"
        rows = _rows(path_of_log, metric, filter_name, any_document=whole_set)
        if whole_set:
            gsm8k[form], gsm8k_logs[form] = {row.id: row.right for row in rows}, _log_of(path_of_log, filter_name)
        elif rows:
            tasks[task] = _draws(name, task, rows, _log_of(path_of_log, filter_name))
    if not tasks:
        raise DatasetError(
            f"{path}: no templated task; run mcqa_symbolic_local or mcqa_gsm_symbolic with --log_samples"
        )
    ordered = sorted(tasks.values(), key=lambda draws: (draws.family, ORDER.index(draws.variant)))
    return Drawn(name, {draws.task: draws for draws in ordered}, gsm8k, gsm8k_logs)


def _log_of(path: Path, filter_name: str | None) -> TaskRun:
    return next(log for log in read_log(path) if filter_name in (None, log.filter))


def refusal_of(first: Draws, second: Draws) -> str:
    """In what two draws were asked differently; "" where they may be subtracted. Of other tasks, only what all of them share."""
    names = None if first.task == second.task else BETWEEN_TASKS
    ours, theirs = (first.task, second.task) if first.run == second.run else (first.run, second.run)
    return refusal(first.log, second.log, ours, theirs, names=names, every_row=True)


def gap_refusal(draws: Draws, drawn: Drawn) -> str:
    """In what a run's GSM8K and its templated task were asked differently; "" where they may be subtracted."""
    theirs = drawn.gsm8k_logs.get(draws.form, draws.log)
    pairs = asked_differently(draws.log, theirs, BETWEEN_TASKS)
    return difference_words(pairs, draws.task, f"{WHOLE_SET}{draws.form}")


def difference(first: Draws, second: Draws) -> Difference:
    """Over common templates and draws, clustered by template; DatasetError for fewer than two common templates.

    The documents need not be the same: variants and other draws of a template are paired by template and number. Public
    templates are identified by the GSM8K question that they were made from, ours by name.
    """
    by_original = None not in (*first.originals, *second.originals) and all(
        len(set(side.originals)) == len(side.originals) for side in (first, second)
    )
    ours, theirs = (side.originals if by_original else side.templates for side in (first, second))
    common = [key for key in ours if key in theirs]
    if len(common) < 2:
        raise DatasetError(f"{first.task} and {second.task}: {len(common)} templates in common; at least 2 are needed")
    draws = min(first.right.shape[1], second.right.shape[1])
    before = first.right[[ours.index(key) for key in common], :draws]
    after = second.right[[theirs.index(key) for key in common], :draws]
    return Difference(_difference(before, after), len(common))


def same_documents(first: Draws, second: Draws) -> bool:
    """Whether two runs were asked the same questions."""
    return first.templates == second.templates and np.array_equal(first.docs, second.docs)


def steps(drawn: Drawn, family: str) -> list[tuple[str, str, Difference]]:
    """The differences between variants of a family: main to p1, p1 to p2, main to p2 and main to noop, if both were run in
    the same way."""
    pairs = _step_pairs(drawn, family)
    return [(a.variant, b.variant, difference(a, b)) for a, b in pairs if not refusal_of(a, b)]


def step_refusals(drawn: Drawn, family: str) -> list[str]:
    """In what variants of a family were asked differently, a line for each step that is left out."""
    return [reason for a, b in _step_pairs(drawn, family) if (reason := refusal_of(a, b))]


def _step_pairs(drawn: Drawn, family: str) -> list[tuple[Draws, Draws]]:
    by_variant = {draws.variant: draws for draws in drawn.tasks.values() if draws.family == family}
    pairs = [("main", "p1"), ("p1", "p2"), ("main", "p2"), ("main", "noop")]
    return [(by_variant[a], by_variant[b]) for a, b in pairs if {a, b} <= by_variant.keys()]


def gap(draws: Draws, gsm8k: Mapping[str, Mapping[str, float]]) -> Gap | None:
    """The generalisation gap to GSM8K asked in the same form; None for a run without it, or whose documents do not name their
    originals."""
    whole_set = gsm8k.get(draws.form, {})
    pairs = zip(draws.by_template, draws.originals, strict=True)
    both = [(rate, whole_set[id]) for rate, id in pairs if id is not None and id in whole_set]
    if len(both) < 2:
        return None
    rate, right = np.array(both, float).T
    same = share_estimate(right)
    rest = [right for id, right in whole_set.items() if id not in draws.originals]
    other = share_estimate(np.array(rest)) if rest else None
    return Gap(
        draws.mean,
        same,
        other,
        PairedMeans.of(rate, right, Rows.pooled(len(both))).difference(),
        unpaired_difference(same, other) if other else None,
    )


def _difference(before: Floats, after: Floats) -> Estimate:
    """The second minus the first over the same templates, with Tango's interval at the effective size."""
    rows = Rows.pooled(before.size, _clusters(before))
    return PairedMeans.of(before.ravel(), after.ravel(), rows).difference()


def _form(task: str) -> str:
    return FORM.search(task)[0]  # type: ignore[index]  # "" at the least


def _clusters(right: Floats) -> NDArray[np.int64]:
    return np.repeat(np.arange(right.shape[0]), right.shape[1])


@dataclass(frozen=True)
class _Row:
    id: str
    template: str
    instance: int
    original: str | None
    digest: str
    right: float
    parsed: float | None


def _rows(log: Path, metric: str, filter_name: str | None, any_document: bool) -> list[_Row]:
    """The rows of one filter of the log; [] where its documents are not instances of templates, unless `any_document`.

    DatasetError where several filters read the answers and none is chosen.
    """
    kind = "a template"
    columns = next(parse_rows(log, lambda sample: sample.doc.keys(), kind), None)
    if columns is None or not (any_document or {"template", "instance"} <= columns):
        return []
    by_filter: dict[str, list[_Row]] = {}

    def read(sample: Sample) -> tuple[str, _Row | None]:
        return sample.filter, _row(sample, metric) if filter_name in (None, sample.filter) else None

    for name, row in parse_rows(log, read, kind):
        by_filter.setdefault(name, []).extend([row] if row else [])
    if (filter_name is None and len(by_filter) > 1) or (filter_name is not None and filter_name not in by_filter):
        given = "several filters read the answers" if filter_name is None else f"no filter {filter_name}"
        raise DatasetError(f"{log}: {given}; choose with --filter: {', '.join(by_filter)}")
    return by_filter[filter_name or next(iter(by_filter))]


def _row(sample: Sample, metric: str) -> _Row:
    doc, score, parsed = sample.doc, sample.score(metric), sample.row.get("parsed")
    if score is None or not 0 <= score <= 1:
        raise ValueError(f"{metric} is {sample.row[metric]!r}, not from 0 to 1")
    original, instance = doc.get("original"), doc.get("instance", 0)
    if not str(instance).isdecimal():
        raise ValueError(f"instance is {instance!r}, expected a whole number")
    return _Row(
        id=str(doc.get("id", sample.row["doc_id"])),
        template=str(doc.get("template", "")),
        instance=int(instance),
        original=None if original is None else str(original),
        digest=str(sample.hashes[0]),
        right=score,
        parsed=float(parsed) if isinstance(parsed, (int, float)) else None,
    )


def _draws(run: str, task: str, rows: Sequence[_Row], log: TaskRun) -> Draws:
    """The complete draws, as a table; DatasetError for a document twice, a single template, or no complete draw."""
    table = {(row.template, row.instance): row for row in rows}
    if len(table) < len(rows):
        raise DatasetError(
            f"{log.log}: an instance of a template comes twice; was the file written twice? Run it again"
        )
    templates = sorted({row.template for row in rows}, key=lambda name: (len(name) if name.isdigit() else 0, name))
    numbers = sorted({row.instance for row in rows})
    complete = [number for number in numbers if all((name, number) in table for name in templates)]
    if len(templates) < 2 or not complete:
        raise DatasetError(
            f"{log.log}: {len(templates)} templates and {len(complete)} complete draws of them; run without --limit"
        )
    grid = [[table[name, number] for number in complete] for name in templates]
    parsed = [row.parsed for line in grid for row in line if row.parsed is not None]
    return Draws(
        run=run,
        task=task,
        templates=tuple(templates),
        right=np.array([[row.right for row in line] for line in grid], dtype=np.float64),
        docs=np.array([[row.digest for row in line] for line in grid]),
        originals=tuple(line[0].original for line in grid),
        unread=1 - sum(parsed) / len(parsed) if parsed else None,
        left_out=len(rows) - len(templates) * len(complete),
        log=log,
    )
