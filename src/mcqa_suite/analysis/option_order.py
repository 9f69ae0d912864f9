"""How the order of a question's options changes the answers of a model, from `mcqa_*_perm` tasks.

A question with k options is asked in its k cyclic rotations (`questions.question.rotations`), so that the right option is once at
every position.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.rows import Sample, parse_rows
from mcqa_suite.logs.runs import TaskRun, WithFaults, read_run
from mcqa_suite.logs.same_run import sample_logs
from mcqa_suite.logs.samples import Booleans, Floats, Integers


class RotationScores(NamedTuple):
    """One rotation of one question: the right option's position, and the log-likelihood of the option at each position.

    `others`: the positions of further right options.
    """

    question: str
    rotation: int
    gold: int
    loglikelihoods: Sequence[float]
    others: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class OrderEffect:
    """One element a question: `as_given`: whether it is right in the data set's own order; `mean`: share of rotations that
    are right; `debiased`: whether the option with the largest probability, averaged over rotations, is right; `consistent`:
    whether all rotations pick the same option. One element a position: `recall`, the accuracy where the right option, or the
    first of several, is at that position; `picked`, the share of picks."""

    questions: tuple[str, ...]
    as_given: Booleans
    mean: Floats
    debiased: Booleans
    consistent: Booleans
    recall: tuple[float, ...]
    picked: tuple[float, ...]

    @property
    def position_std(self) -> float:
        """Standard deviation of recall over positions (RStd of arXiv 2309.03882, as a share)."""
        return float(np.std(self.recall))


@dataclass(frozen=True)
class Order(WithFaults):
    """The effect for one task of one run; None where its log cannot be trusted. `log`: its samples, and how it was asked."""

    run: str
    task: str
    effect: OrderEffect | None
    log: TaskRun


def read_orders(name: str, path: Path) -> list[Order]:
    """Every task with rotations in a run; DatasetError where it has none."""
    if not any(task.endswith("_perm") for task in sample_logs(path)):
        raise DatasetError(f"{path}: no task with rotations; run one of mcqa_*_perm with --log_samples")
    run = read_run(path, wanted=lambda task: task.endswith("_perm"))
    if run.problems:
        raise DatasetError(run.problems[0])
    return [_read_order(name, log) for log in run.tasks.values()]


def _read_order(name: str, log: TaskRun) -> Order:
    rotations = list(parse_rows(log.log, _rotation, "a rotated question"))
    if any(fault.invalid for fault in log.faults):
        return Order(name, log.task, None, log)
    try:
        effect = order_effect(rotations)
    except ValueError as error:
        raise DatasetError(f"{log.log}: {error}; run the task again without --limit") from error
    return Order(name, log.task, effect, log)


def _rotation(sample: Sample) -> RotationScores:
    doc, values = sample.doc, sample.loglikelihoods
    rotation, golds = doc["rotation"], doc["gold"] or [None]
    for what, number in (("rotation", rotation), *(("gold", gold) for gold in golds)):
        if type(number) is not int or not 0 <= number < len(values):
            raise ValueError(f"{what} is {json.dumps(number)}, expected 0 to {len(values) - 1}")
    return RotationScores(str(doc["question_id"]), rotation, golds[0], values, tuple(golds[1:]))


def order_effect(rotations: Iterable[RotationScores]) -> OrderEffect:
    """The effect over complete questions; ValueError where there is none, or a rotation is missing or comes twice.

    Incomplete questions are left out, because a run with --limit may end within a question.
    """
    by_question: dict[str, list[RotationScores]] = {}
    for row in rotations:
        by_question.setdefault(row.question, []).append(row)
    complete = {name: rows for name, rows in by_question.items() if len(rows) >= len(rows[0].loglikelihoods)}
    tables = {name: _matrix(name, rows) for name, rows in complete.items()}
    if not tables:
        raise ValueError("no question in all of its rotations")
    positions = np.concatenate([gold for gold, _, _ in tables.values()])
    picks = [values.argmax(axis=1) for _, _, values in tables.values()]
    rights = [right[np.arange(len(pick)), pick] for pick, (_, right, _) in zip(picks, tables.values(), strict=True)]
    options = [(pick + np.arange(len(pick))) % len(pick) for pick in picks]  # in the order of the data set
    hits = np.bincount(positions, weights=np.concatenate(rights))
    chosen = np.concatenate(picks)
    return OrderEffect(
        questions=tuple(tables),
        as_given=np.array([right[0] for right in rights]),
        mean=np.array([right.mean() for right in rights]),
        debiased=np.array([right[0, _debiased(values)] for _, right, values in tables.values()]),
        consistent=np.array([(option == option[0]).all() for option in options]),
        recall=tuple((hits / np.maximum(np.bincount(positions), 1)).tolist()),
        picked=tuple((np.bincount(chosen, minlength=len(hits)) / len(chosen)).tolist()),
    )


def _debiased(values: Floats) -> int:
    """The option, by its position in the data set's order, with the largest probability averaged over rotations."""
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return int(np.mean([np.roll(row, r) for r, row in enumerate(shares)], axis=0).argmax())


def _matrix(name: str, rows: Sequence[RotationScores]) -> tuple[Integers, Booleans, Floats]:
    """The right option's position by rotation; whether an option is right, and log-likelihoods (rotations x positions)."""
    ordered = sorted(rows, key=lambda row: row.rotation)
    numbers, k = [row.rotation for row in ordered], len(ordered[0].loglikelihoods)
    if numbers != list(range(k)):
        raise ValueError(f"{name}: rotations {numbers}, expected 0 to {k - 1} once each")
    right = np.array([[position in (row.gold, *row.others) for position in range(k)] for row in ordered])
    return np.array([row.gold for row in ordered]), right, np.array([row.loglikelihoods for row in ordered])
