"""The sample browser: every document with what each model made of it, embedded in one page.

The data are lines of JSON, compressed with gzip and written in base64: an item a line, then a line about all of them.
An item is [task, doc_id, subject, gold, question, cells]; `question` is [id, text, options], or the number of the item
before it that holds the same one. A cell, one a model, is null where the model was not asked the same, else [transition,
right, status, pick, ...] with the options' probabilities in thousandths after it, or a list of reads of a generated answer.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite import stats
from mcqa_suite.compare.pairing import pair_rows
from mcqa_suite.compare.tasks import preferred_metric
from mcqa_suite.report import browser_texts as texts
from mcqa_suite.runs import Run, TaskRun
from mcqa_suite.samples import Integers, Samples

# What became of the base's answer; the page's filter counts on these numbers.
RIGHT, LOST, GAINED, OTHER_WRONG, SAME_WRONG, UNPAIRED = range(6)
UNKNOWN = 2  # a score that is neither right nor wrong
TOGETHER = 32  # items that are tried at once against the size limit
QUESTION = 4  # where an item holds its question
Item = list[Any]


@dataclass(frozen=True)
class Browser:
    """Markup, embedded data (base64: no character of it means anything in HTML), script and style sheet."""

    html: str
    data: str
    script: str
    css: str


@dataclass(frozen=True, eq=False)
class _Column:
    """One model's part of a task: for each of the base's rows its own (-1 where none), and what became of the answer."""

    run: Run
    task: TaskRun
    rows: Integers
    right: Integers
    transition: Integers
    pick: Integers
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class _Task:
    """A task under one filter, with a column a model; None for a model that was not asked it."""

    label: str
    link: str
    base: _Column
    columns: tuple[_Column | None, ...]

    @property
    def rank(self) -> Integers:
        """What to embed first: 0 where a model is right and another not, 1 where wrong answers differ, 2 the rest."""
        changes = np.stack([column.transition for column in self.columns if column is not None])
        flips = np.isin(changes, (LOST, GAINED)).any(axis=0)
        return np.where(flips, 0, np.where((changes == OTHER_WRONG).any(axis=0), 1, 2))


def browser_section(
    runs: Sequence[Run], base_name: str | None, *, metric: str | None = None, size_limit: int = 4_000_000
) -> Browser | None:
    """The browser of the base's documents; None where there is none.

    Without a base (`base_name` None) the first run's documents are shown and nothing is said of transitions. `metric` says what
    is right, as in a comparison. `size_limit` is in bytes of `data`: documents on which models differ come first. Raises
    DatasetError where a log cannot be read again.
    """
    base = next((run for run in runs if base_name is None or run.name == base_name), None)
    if base is None or not base.tasks:
        return None
    ordered = [base, *(run for run in runs if run is not base)]
    tasks = [_task(key, ordered, metric) for key in base.tasks]
    total = sum(task.base.task.n for task in tasks)
    reader = _Reader(tasks)
    about = {
        "models": [run.name for run in ordered],
        "base": base_name is not None,
        "tasks": [[task.label, task.link] for task in tasks],
        "total": total,
    }
    packed, embedded = _packed(reader, about, size_limit * 3 // 4 - 2)
    data = base64.b64encode(packed).decode("ascii")
    folder = files("mcqa_suite.report") / "templates"
    script, css = ((folder / f"browser.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))
    return Browser(_html(embedded, total, len(ordered)), data, script, css)


def _task(key: tuple[str, str], runs: Sequence[Run], metric: str | None) -> _Task:
    task, name = key
    base = runs[0]
    filters = [other for other in base.tasks if other[0] == task]
    label, link = (f"{task}, {name}", f"{task}:{name}") if len(filters) > 1 else (task, task)
    columns = [_column(base.tasks[key], run, key, metric) if key in run.tasks else None for run in runs]
    assert columns[0] is not None
    return _Task(label, link, columns[0], tuple(columns))


def _column(base: TaskRun, run: Run, key: tuple[str, str], wanted: str | None) -> _Column:
    task = run.tasks[key]
    here, there, _unpaired = pair_rows(base.samples, task.samples)
    rows = np.full(base.n, -1, np.int64)
    rows[here] = there
    right = np.full(base.n, UNKNOWN, np.int64)
    transition = np.full(base.n, UNPAIRED, np.int64)
    metric = preferred_metric([name for name in base.samples.scores if name in task.samples.scores], wanted)
    if metric is not None:
        right[here] = _right(task.samples, metric)[there]
        if task is not base:
            first, answers = _right(base.samples, metric)[here], _answers(base.samples, metric)[here]
            transition[here] = _transitions(first, right[here], answers != _answers(task.samples, metric)[there])
    lists = task.samples.loglikelihoods
    with np.errstate(invalid="ignore", over="ignore"):
        probabilities = None if lists is None else stats.option_probabilities(lists, task.samples.there)
    pick = task.samples.pick(metric or "")
    return _Column(run, task, rows, right, transition, pick, probabilities)


def _right(samples: Samples, metric: str) -> Integers:
    """1 and 0; UNKNOWN for all where one of the scores is neither."""
    scores = samples.scores[metric]
    return scores.astype(np.int64) if np.isin(scores, (0.0, 1.0)).all() else np.full(len(scores), UNKNOWN)


def _answers(samples: Samples, metric: str) -> NDArray[np.uint64]:
    return (samples.pick(metric) + 1).astype(np.uint64) if samples.answer is None else samples.answer


def _transitions(base: Integers, variant: Integers, differ: NDArray[np.bool_]) -> Integers:
    cases = [
        (base == 1) & (variant == 1),
        (base == 1) & (variant == 0),
        (base == 0) & (variant == 1),
        (base == 0) & (variant == 0) & differ,
        (base == 0) & (variant == 0),
    ]
    return np.select(cases, [RIGHT, LOST, GAINED, OTHER_WRONG, SAME_WRONG], UNPAIRED)


class _Reader:
    """Items in the order of embedding, read from the logs one by one; names of subjects and states are numbered."""

    def __init__(self, tasks: Sequence[_Task]) -> None:
        self.tasks = tasks
        self.names: dict[str, dict[str, int]] = {"subjects": {}, "statuses": {}}
        self.logs: dict[tuple[int, str], texts.SampleFile] = {}

    def items(self) -> Iterator[tuple[Item, str]]:
        """Each item with its question as text, to tell whether it was there before. Hashes spread tasks over the order."""
        rank = np.concatenate([task.rank for task in self.tasks])
        spread = np.concatenate([task.base.task.samples.hashes[:, 0] for task in self.tasks])
        number = np.repeat(np.arange(len(self.tasks)), [task.base.task.n for task in self.tasks])
        row = np.concatenate([np.arange(task.base.task.n) for task in self.tasks])
        for index in np.lexsort((number, spread, rank)):
            yield self._item(int(number[index]), int(row[index]))

    def _item(self, number: int, index: int) -> tuple[Item, str]:
        task = self.tasks[number]
        samples = task.base.task.samples
        options, bits = int(samples.options[index]), int(samples.gold[index])
        row = self._row(task.base, index)
        stem, choices = texts.question(row, options)
        gold: Any = [option for option in range(options) if bits >> option & 1] if options else texts.gold_text(row)
        cells = [column and self._cell(column, index) for column in task.columns]
        question = [texts.document_id(row), stem, choices]
        item = [number, int(samples.doc_id[index]), self._number("subjects", texts.subject(row)), gold, question, cells]
        return item, json.dumps(question)

    def _cell(self, column: _Column, index: int) -> Item | None:
        row = int(column.rows[index])
        if row < 0:
            return None
        head = [int(column.transition[index]), int(column.right[index])]
        pick = int(column.pick[row])
        if column.probabilities is None:
            reads = texts.reads(self._row(column, row))
            status = reads[0][0] if reads and isinstance(reads[0], list) else "empty"
            return [*head, self._number("statuses", status), pick, reads]
        shares = column.probabilities[row, : column.task.samples.options[row]]
        if not np.isfinite(shares).all():
            return [*head, self._number("statuses", "not finite"), -1]
        thousandths = [int(share) for share in np.rint(1000 * shares)]
        return [*head, self._number("statuses", "scored"), pick, *thousandths]

    def _row(self, column: _Column, index: int) -> texts.Row:
        key = id(column.run), column.task.task
        if key not in self.logs:
            self.logs[key] = texts.sample_file(column.run, column.task.task)
        return self.logs[key].row(column.task.filter, int(column.task.samples.doc_id[index]))

    def _number(self, kind: str, name: str) -> int:
        return self.names[kind].setdefault(name, len(self.names[kind]))


def _packed(reader: _Reader, about: dict[str, Any], most: int) -> tuple[bytes, int]:
    """Items in their order and a line about all of them, as many as `most` bytes hold, and how many those are."""
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    done, count = b"", 0

    def with_lines(lines: Sequence[str]) -> bool:
        nonlocal stream, done, count
        trial = stream.copy()
        longer = done + trial.compress("".join(lines).encode("ascii"))
        if len(longer) + len(_end(trial, about, reader)) > most:
            return False
        stream, done, count = trial, longer, count + len(lines)
        return True

    for lines in _together(_lines(reader)):
        if not with_lines(lines):
            any(not with_lines([line]) for line in lines)
            break
    return done + _end(stream, about, reader), count


def _end(stream: zlib._Compress, about: dict[str, Any], reader: _Reader) -> bytes:
    names = {kind: list(numbers) for kind, numbers in reader.names.items()}
    last = stream.copy()
    return last.compress(json.dumps(about | names).encode("ascii")) + last.flush()


def _lines(reader: _Reader) -> Iterator[str]:
    """Items as lines; a question that was there before is the number of the first item that holds it."""
    seen: dict[str, int] = {}
    for index, (item, question) in enumerate(reader.items()):
        first = seen.setdefault(question, index)
        if first != index:
            item[QUESTION] = first
        yield json.dumps(item, separators=(",", ":")) + "\n"


def _together(lines: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(lines, TOGETHER)):
        yield chunk


def _html(embedded: int, total: int, models: int) -> str:
    few = "" if embedded == total else " Those on which models differ came first; the rest is in the logs."
    count = f"{embedded:,} of {total:,} documents with the answers of {models} models are embedded.{few}"
    template = (files("mcqa_suite.report") / "templates" / "browser.html").read_text(encoding="utf-8")
    return template.replace("COUNT", escape(count))
