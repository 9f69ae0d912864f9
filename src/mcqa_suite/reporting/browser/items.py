"""The items of the sample browser: each document with the answers of every model.

An item is [task, doc_id, subject, gold, question, cells]. `question` is [id, text, options], followed by the encoder's name
where it has grids. There is one cell per model: null where the model did not get the same prompt, else [transition, right,
status, pick, ...], followed by the options' probabilities in thousandths, or by a list of the extracted answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite import stats
from mcqa_suite.analysis.compare.pairing import Pairs, pair, pair_rows
from mcqa_suite.grids import Encoder
from mcqa_suite.logs.rows import RowIndex
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.logs.samples import Integers
from mcqa_suite.reporting.browser import texts
from mcqa_suite.reporting.browser.grids import MOST_QUESTIONS, form_of

# Transitions from the parent's answer; the page's filter uses these numbers.
RIGHT, LOST, GAINED, OTHER_WRONG, SAME_WRONG, UNPAIRED = range(6)
KINDS = 6  # a cell holds the transition of the first way to compare plus KINDS times that of the second
UNKNOWN = 2  # a score that is neither right nor wrong, or of a metric that is no accuracy
GOLD, QUESTION, FORM = 3, 4, 3  # indices: of gold and question in an item, of the encoder in a question
Item = list[Any]


@dataclass(frozen=True, eq=False)
class Column:
    """One model's answers to a task: for each row of the base the model's row (-1: none), score and transitions.

    `transitions` has one row for each way to compare.
    """

    run: Run
    task: TaskRun
    rows: Integers
    right: Integers
    transitions: Integers
    pick: Integers
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class Task:
    """A task under one filter, with one column per model; None for a model that did not run it."""

    label: str
    link: str
    base: Column
    columns: tuple[Column | None, ...]

    @property
    def rank(self) -> Integers:
        """The order in which rows are embedded: 0 where right answers changed, 1 where wrong answers differ, 2 the rest."""
        changes = np.concatenate([column.transitions for column in self.columns if column is not None])
        flips = np.isin(changes, (LOST, GAINED)).any(axis=0)
        return np.where(flips, 0, np.where((changes == OTHER_WRONG).any(axis=0), 1, 2))


def task_of(key: tuple[str, str], runs: Sequence[Run], metric: str | None, parents: Sequence[Sequence[int]]) -> Task:
    """A task of the first run, which is the base; `parents` has the number of each run's parent, for each way to compare."""
    task, name = key
    base = runs[0].tasks[key]
    link = f"{task}:{name}" if base.several_filters else task
    tasks = [run.tasks.get(key) for run in runs]
    columns = [
        _column(base, run, own, metric, [tasks[way[number]] if way[number] >= 0 else None for way in parents])
        for number, (run, own) in enumerate(zip(runs, tasks, strict=True))
        if own is not None
    ]
    by_run = {id(column.run): column for column in columns}
    return Task(base.title, link, columns[0], tuple(by_run.get(id(run)) for run in runs))


def _column(base: TaskRun, run: Run, task: TaskRun, metric: str | None, parents: Sequence[TaskRun | None]) -> Column:
    base_rows, own_rows, _unpaired = pair_rows(base.samples, task.samples)
    rows = np.full(base.n, -1, np.int64)
    rows[base_rows] = own_rows
    right = np.full(base.n, UNKNOWN, np.int64)
    if metric in base.samples.scores and metric in task.samples.scores:
        pairs, _unpaired = pair(base.samples, task.samples, metric)
        right[base_rows] = pairs.variant.right if pairs.is_accuracy and pairs.variant.right is not None else UNKNOWN
    of_base = np.full(task.n, -1, np.int64)  # the base's row of each of the model's rows
    of_base[own_rows] = base_rows
    transitions = np.stack([_against(parent, task, metric, of_base, base.n) for parent in parents])
    lists = task.samples.loglikelihoods
    with np.errstate(invalid="ignore", over="ignore"):
        probabilities = None if lists is None else stats.option_probabilities(lists, task.samples.has_option)
    pick = task.samples.pick(metric or "")
    return Column(run, task, rows, right, transitions, pick, probabilities)


def _against(parent: TaskRun | None, task: TaskRun, metric: str | None, of_base: Integers, n: int) -> Integers:
    """The transition of each of the base's `n` rows from the parent's answer to the model's."""
    transition = np.full(n, UNPAIRED, np.int64)
    if parent is None or metric not in parent.samples.scores or metric not in task.samples.scores:
        return transition
    _parent_rows, own_rows, _unpaired = pair_rows(parent.samples, task.samples)
    pairs, _unpaired = pair(parent.samples, task.samples, metric)
    shared = of_base[own_rows] >= 0
    changes = np.broadcast_to(_transitions(pairs), shared.shape)
    transition[of_base[own_rows][shared]] = changes[shared]
    return transition


def _transitions(pairs: Pairs) -> Integers | int:
    first, second = pairs.base.right, pairs.variant.right
    if first is None or second is None or not pairs.is_accuracy:
        return UNPAIRED
    cases = [first & second, first, second, pairs.base.answer != pairs.variant.answer]
    return np.select(cases, [RIGHT, LOST, GAINED, OTHER_WRONG], SAME_WRONG)


class Reader:
    """Read the items from the logs one by one, in the order of embedding; `names` numbers the subjects and statuses.

    `grids` says whether any item has a grid. `grid_items` has the index of each item whose answer is a grid, and of the first
    MOST_QUESTIONS the item itself.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.names: dict[str, dict[str, int]] = {"subjects": {}, "statuses": {}}
        self.logs: dict[tuple[int, str], RowIndex] = {}
        self.grids = False
        self.grid_items: list[tuple[int, Item | None]] = []

    def items(self) -> Iterator[tuple[Item, str]]:
        """Each item, and its question as text to find repeated ones. Sorting by hash mixes the tasks."""
        rank = np.concatenate([task.rank for task in self.tasks])
        spread = np.concatenate([task.base.task.samples.hashes[:, 0] for task in self.tasks])
        number = np.repeat(np.arange(len(self.tasks)), [task.base.task.n for task in self.tasks])
        row = np.concatenate([np.arange(task.base.task.n) for task in self.tasks])
        for position, index in enumerate(np.lexsort((number, spread, rank))):
            item, question = self._item(int(number[index]), int(row[index]))
            self.grids |= len(item[QUESTION]) > FORM
            if len(item[QUESTION]) > FORM and any(isinstance(piece, dict) for piece in item[GOLD]):
                self.grid_items.append((position, [*item] if len(self.grid_items) < MOST_QUESTIONS else None))
            yield item, question

    def _item(self, number: int, index: int) -> tuple[Item, str]:
        task = self.tasks[number]
        samples = task.base.task.samples
        options = int(samples.options[index])
        row = self._row(task.base, index)
        form = None if options else form_of(texts.document(row))
        stem, choices = texts.question(row, options, form)
        right = np.flatnonzero(samples.gold[index]).tolist()
        gold = right if options else texts.gold_text(row, form)
        cells = [column and self._cell(column, index, form) for column in task.columns]
        question = [texts.document_id(row), stem, choices, *([form.name] if form else [])]
        item = [number, int(samples.doc_id[index]), self._number("subjects", texts.subject(row)), gold, question, cells]
        return item, json.dumps(question)

    def _cell(self, column: Column, index: int, form: Encoder | None) -> Item | None:
        row = int(column.rows[index])
        if row < 0:
            return None
        changes = [int(change) for change in column.transitions[:, index]]
        head = [changes[0] + KINDS * sum(changes[1:]), int(column.right[index])]
        pick = int(column.pick[row])
        if column.probabilities is None:
            reads = texts.reads(self._row(column, row), form)
            status = reads[0][0] if reads and isinstance(reads[0], list) else "empty"
            return [*head, self._number("statuses", status), pick, reads]
        shares = column.probabilities[row, : column.task.samples.options[row]]
        if not np.isfinite(shares).all():
            return [*head, self._number("statuses", "not finite"), -1]
        thousandths = [int(share) for share in np.rint(1000 * shares)]
        return [*head, self._number("statuses", "scored"), pick, *thousandths]

    def _row(self, column: Column, index: int) -> texts.Row:
        key = id(column.run), column.task.task
        if key not in self.logs:
            self.logs[key] = RowIndex(column.task.log)
        return dict(self.logs[key][column.task.filter, int(column.task.samples.doc_id[index])].row)

    def _number(self, kind: str, name: str) -> int:
        return self.names[kind].setdefault(name, len(self.names[kind]))
