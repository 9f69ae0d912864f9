"""The same questions, asked in the same words: rows of two runs, matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.logs.samples import Floats, Hashes, Integers, Samples

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class UnpairedCounts:
    """Documents left out, and why: in one run only, with another doc, prompt or target hash, or without an answer from a
    server in either run."""

    only_base: int = 0
    only_variant: int = 0
    doc: int = 0
    prompt: int = 0
    target: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.only_base + self.only_variant + self.doc + self.prompt + self.target + self.failed


@dataclass(frozen=True, eq=False)
class Answers:
    """One model's part of the pairs. `options`: how many it scored; `right` is None where a score is not 0 or 1; `pick` is an
    option's index, -1 where none was chosen; `answer` is equal where two answers are; `unread` is None where nothing had to
    be read."""

    score: Floats
    options: Integers
    right: Booleans | None
    pick: Integers
    answer: Hashes
    unread: Booleans | None
    loglikelihoods: Floats | None
    response: Hashes | None


@dataclass(frozen=True, eq=False)
class Pairs:
    """One task's, or several tasks' documents, as both models answered them."""

    base: Answers
    variant: Answers
    doc_id: Integers
    options: Integers
    gold: Hashes
    doc_hash: Hashes
    cluster: NDArray[np.str_] | None

    @property
    def n(self) -> int:
        return len(self.options)

    @property
    def there(self) -> Booleans:
        """n x options: whether the document has that option."""
        width = 0 if self.base.loglikelihoods is None else self.base.loglikelihoods.shape[1]
        return np.arange(width) < self.options[:, None]

    @property
    def chance(self) -> float | None:
        """Expected accuracy of a blind guess; None where an answer is not one of a few options."""
        return float(np.mean(1 / self.options)) if self.options.min() > 0 else None


def pair_rows(base: Samples, variant: Samples) -> tuple[Integers, Integers, UnpairedCounts]:
    """Row numbers in both, for the documents whose three hashes agree."""
    _, here, there = np.intersect1d(base.doc_id, variant.doc_id, assume_unique=True, return_indices=True)
    same = base.hashes[here] == variant.hashes[there]
    agree = same.all(axis=1)
    first_difference = np.argmin(same[~agree], axis=1)
    doc, prompt, target = (int((first_difference == kind).sum()) for kind in range(3))
    only_base, only_variant = (
        len(one.doc_id) - len(here) - int(np.isin(one.doc_id, list(other.failed)).sum())
        for one, other in ((base, variant), (variant, base))
    )
    failed = len({**base.failed, **variant.failed})
    return here[agree], there[agree], UnpairedCounts(only_base, only_variant, doc, prompt, target, failed)


def pair(base: Samples, variant: Samples, metric: str) -> tuple[Pairs, UnpairedCounts]:
    """Both runs of a task over the documents that they share."""
    here, there, unpaired = pair_rows(base, variant)
    column = base.field
    cluster = None
    if column is not None and (column.codes[here] >= 0).any():
        names = np.array([*column.names, ""])
        cluster = np.where(column.codes[here] >= 0, names[column.codes[here]], np.char.add("#", here.astype(str)))
    pairs = Pairs(
        base=_side(base, here, metric, _width(variant)),
        variant=_side(variant, there, metric, _width(base)),
        doc_id=base.doc_id[here],
        options=base.options[here],
        gold=base.gold[here],
        doc_hash=base.hashes[here, 0],
        cluster=cluster,
    )
    return pairs, unpaired


def _width(samples: Samples) -> int:
    return 0 if samples.loglikelihoods is None else samples.loglikelihoods.shape[1]


def _side(samples: Samples, rows: Integers, metric: str, width: int) -> Answers:
    """`width`: of the other run's log-likelihoods; a row that is shorter is filled up with 0."""
    score, pick = samples.scores[metric][rows], samples.pick(metric)[rows]
    lists, parsed = samples.loglikelihoods, samples.scores.get("parsed")
    answer = (pick + 1).astype(np.uint64) if samples.answer is None else samples.answer[rows]
    unread = None
    if samples.answer is not None:
        unread = (parsed[rows] < 1) if parsed is not None else (samples.answer[rows] == 0)
    return Answers(
        score=score,
        options=samples.options[rows],
        right=score > 0 if np.isin(score, (0.0, 1.0)).all() else None,
        pick=pick,
        answer=answer,
        unread=unread,
        loglikelihoods=None if lists is None else np.pad(lists[rows], ((0, 0), (0, max(0, width - lists.shape[1])))),
        response=None if samples.response is None else samples.response[rows],
    )


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Several tasks' pairs as one; log-likelihoods stay only where every task has them."""
    clusters = [part.cluster for part in parts if part.cluster is not None]
    return Pairs(
        base=_joined_side([part.base for part in parts]),
        variant=_joined_side([part.variant for part in parts]),
        doc_id=np.concatenate([part.doc_id for part in parts]),
        options=np.concatenate([part.options for part in parts]),
        gold=np.concatenate([part.gold for part in parts]),
        doc_hash=np.concatenate([part.doc_hash for part in parts]),
        cluster=np.concatenate(clusters) if len(clusters) == len(parts) else None,
    )


def _joined_side(sides: Sequence[Answers]) -> Answers:
    lists = [side.loglikelihoods for side in sides if side.loglikelihoods is not None]
    width = max((matrix.shape[1] for matrix in lists), default=0)
    wide = [np.pad(matrix, ((0, 0), (0, width - matrix.shape[1]))) for matrix in lists]
    right = [side.right for side in sides if side.right is not None]
    unread = [side.unread for side in sides if side.unread is not None]
    return Answers(
        score=np.concatenate([side.score for side in sides]),
        options=np.concatenate([side.options for side in sides]),
        right=np.concatenate(right) if len(right) == len(sides) else None,
        pick=np.concatenate([side.pick for side in sides]),
        answer=np.concatenate([side.answer for side in sides]),
        unread=np.concatenate(unread) if len(unread) == len(sides) else None,
        loglikelihoods=np.concatenate(wide) if wide and len(wide) == len(sides) else None,
        response=None,
    )
