"""What the order of a question's options does to a model: every cyclic rotation of the options is asked and compared.

A question with k options is asked k times; in rotation r the option that stood at place (i + r) mod k stands at place i, so
that the right one stands once at every place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.questions.question import Question

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


class Asked(NamedTuple):
    """One rotation of one question: the place of the right option, and the log-likelihood of the option at each place."""

    question: str
    rotation: int
    gold: int
    loglikelihoods: tuple[float, ...]


def rotations(question: Question) -> list[Question]:
    """The question in each of its k rotations, the first as it is; ids end in `#r0`, `#r1`, ..."""
    k = len(question.choices)
    return [
        replace(
            question,
            id=f"{question.id}#r{r}",
            choices=question.choices[r:] + question.choices[:r],
            gold=tuple((g - r) % k for g in question.gold),
        )
        for r in range(k)
    ]


@dataclass(frozen=True, eq=False)
class OrderEffect:
    """A question a row. `given`: right in the data set's own order; `mean`: share of its rotations that are right;
    `debiased`: whether the option whose probability, averaged over rotations, is largest is right; `consistent`: one and the
    same pick in every rotation. `recall`: accuracy by the right option's place; `picked`: share of picks at each place."""

    questions: tuple[str, ...]
    given: Booleans
    mean: Floats
    debiased: Booleans
    consistent: Booleans
    recall: tuple[float, ...]
    picked: tuple[float, ...]

    @property
    def position_std(self) -> float:
        """Standard deviation of recall over places (RStd of arXiv 2309.03882, as a share)."""
        return float(np.std(self.recall))


def order_effect(asked: Iterable[Asked | Sequence[Any]]) -> OrderEffect:
    """The effect over complete questions; ValueError where there is none, or a rotation is missing or comes twice."""
    tables = _tables(asked)
    if not tables:
        raise ValueError("no question in all of its rotations")
    given, mean, debiased, same = [], [], [], []
    places: list[int] = []
    rights: list[bool] = []
    picks: list[int] = []
    for gold, values in tables.values():
        chosen = values.argmax(axis=1)
        right = chosen == gold
        originals = (chosen + np.arange(len(gold))) % len(gold)
        given.append(right[0])
        mean.append(right.mean())
        debiased.append(_debiased(values) == gold[0])
        same.append((originals == originals[0]).all())
        places += gold.tolist()
        rights += right.tolist()
        picks += chosen.tolist()
    hits = np.bincount(places, weights=rights)
    return OrderEffect(
        questions=tuple(tables),
        given=np.array(given, dtype=np.bool_),
        mean=np.array(mean, dtype=np.float64),
        debiased=np.array(debiased, dtype=np.bool_),
        consistent=np.array(same, dtype=np.bool_),
        recall=tuple((hits / np.maximum(np.bincount(places), 1)).tolist()),
        picked=tuple((np.bincount(picks, minlength=len(hits)) / len(picks)).tolist()),
    )


def _debiased(values: Floats) -> int:
    """The option, by its place in the given order, with the largest probability averaged over rotations."""
    k = len(values)
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    aligned = np.stack([np.roll(row, r) for r, row in enumerate(shares)])
    assert aligned.shape == (k, k)
    return int(aligned.mean(axis=0).argmax())


def _tables(asked: Iterable[Asked | Sequence[Any]]) -> dict[str, tuple[Integers, Floats]]:
    return {name: _matrix(name, rows) for name, rows in _by_question(asked).items()}


def _by_question(asked: Iterable[Asked | Sequence[Any]]) -> dict[str, list[Asked]]:
    grouped: dict[str, list[Asked]] = {}
    for item in asked:
        one = Asked(str(item[0]), int(item[1]), int(item[2]), tuple(float(value) for value in item[3]))
        grouped.setdefault(one.question, []).append(one)
    # A run with --limit ends inside a question: what is not complete is left out.
    return {name: rows for name, rows in grouped.items() if len(rows) >= len(rows[0].loglikelihoods)}


def _matrix(name: str, rows: Sequence[Asked]) -> tuple[Integers, Floats]:
    ordered = sorted(rows, key=lambda one: one.rotation)
    k = len(ordered[0].loglikelihoods)
    if [one.rotation for one in ordered] != list(range(k)):
        raise ValueError(f"{name}: rotations {[one.rotation for one in ordered]}, expected 0 to {k - 1} once each")
    gold = np.array([one.gold for one in ordered], dtype=np.int64)
    return gold, np.array([one.loglikelihoods for one in ordered])
