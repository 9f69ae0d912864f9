"""Pair the samples of two runs that have the same document, prompt and target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from mcqa_suite.logs.agreement import UnpairedCounts, pair_rows
from mcqa_suite.logs.guessing import Asked
from mcqa_suite.logs.metrics import is_accuracy
from mcqa_suite.logs.samples import Booleans, Floats, Hashes, Integers, Samples


@dataclass(frozen=True, eq=False)
class Answers:
    """One model's answers over the pairs.

    `options`: number of scored options. `right`: whether the score is 1; None if one is neither 0 nor 1. `pick`: index of the
    chosen option, or -1. `answer`: a hash, for comparison. `unread`: share of the document's answers that could not be read;
    None if nothing was extracted. `loglikelihoods`: [pairs, options]. `response`: a hash of what was written, `written` its
    characters; None for log-likelihoods.
    """

    score: Floats
    options: Integers
    right: Booleans | None
    pick: Integers
    answer: Hashes
    unread: Floats | None
    loglikelihoods: Floats | None
    response: Hashes | None
    written: Integers | None


@dataclass(frozen=True, eq=False)
class Pairs:
    """Both models' answers to the documents of one or several tasks.

    `gold`: [pairs, options], which are right; none is where gold is unknown. `hashes`: [pairs, 2], of document and prompt.
    `cluster`: equal for the documents of one question. `is_accuracy`: whether the scores are shares of right answers.
    `by_length`: whether the options' texts were scored without regard to their length, which then decides.
    """

    base: Answers
    variant: Answers
    doc_id: Integers
    options: Integers
    gold: Booleans
    hashes: Hashes
    cluster: Hashes
    is_accuracy: bool = True
    by_length: bool = False

    @property
    def n(self) -> int:
        return len(self.options)

    @property
    def clusters(self) -> int | None:
        """The number of clusters; None where the documents count as independent: no two share one, or all do."""
        n = len(np.unique(self.cluster))
        return n if 1 < n < self.n else None

    @property
    def option_mask(self) -> Booleans:
        """[pairs, options]: whether the document has that option."""
        width = 0 if self.base.loglikelihoods is None else self.base.loglikelihoods.shape[1]
        return np.arange(width) < self.options[:, None]

    @property
    def asked(self) -> Asked:
        """What `logs.guessing` needs."""
        return self.options, self.gold


def pair(base: Samples, variant: Samples, metric: str) -> tuple[Pairs, UnpairedCounts]:
    """Pair both runs of a task."""
    base_rows, variant_rows, unpaired = pair_rows(base, variant)
    rows = _selection(base_rows, base)
    pairs = Pairs(
        base=_answers(base, rows, metric, _width(variant)),
        variant=_answers(variant, _selection(variant_rows, variant), metric, _width(base)),
        doc_id=base.doc_id[rows],
        options=base.options[rows],
        gold=_widened(base.gold[rows], _width(variant)),
        hashes=base.hashes[rows, :2],
        cluster=base.cluster[rows],
        is_accuracy=is_accuracy(metric),
        by_length=metric == "acc" and base.scores_texts,
    )
    return pairs, unpaired


Selection = Integers | slice


def _selection(rows: Integers, samples: Samples) -> Selection:
    """The rows as an index; all in their order as a slice, which copies nothing: a run is compared with many others."""
    return slice(None) if np.array_equal(rows, np.arange(len(samples.doc_id))) else rows


def _width(samples: Samples) -> int:
    return 0 if samples.loglikelihoods is None else samples.loglikelihoods.shape[1]


def _answers(samples: Samples, rows: Selection, metric: str, width: int) -> Answers:
    """The answers of `rows`, log-likelihoods padded with 0 to at least `width` options."""
    score, pick = samples.scores[metric][rows], samples.pick(metric)[rows]
    values, unread = samples.loglikelihoods, samples.unread
    answer = (pick + 1).astype(np.uint64) if samples.answer is None else samples.answer[rows]
    return Answers(
        score=score,
        options=samples.options[rows],
        right=score > 0 if np.isin(score, (0.0, 1.0)).all() else None,
        pick=pick,
        answer=answer,
        unread=None if unread is None else unread[rows],
        loglikelihoods=None if values is None else _widened(values[rows], width),
        response=None if samples.response is None else samples.response[rows],
        written=None if samples.written is None else samples.written[rows],
    )


Matrix = TypeVar("Matrix", Floats, Booleans)


def _widened(values: Matrix, width: int) -> Matrix:
    missing = width - values.shape[1]
    return np.pad(values, ((0, 0), (0, missing))) if missing > 0 else values


Parts = TypeVar("Parts", Pairs, Answers)


def joined(parts: Sequence[Parts]) -> Parts:
    """Concatenate the pairs of several tasks; a field that is None in one of them is None."""
    columns: dict[str, Any] = {field.name: [getattr(part, field.name) for part in parts] for field in fields(parts[0])}
    return type(parts[0])(**{name: _concatenated(values) for name, values in columns.items()})


def _concatenated(values: list[Any]) -> Any:
    if any(value is None for value in values):
        return None
    if isinstance(values[0], bool):
        return all(values)
    if isinstance(values[0], Answers):
        return joined(values)
    if values[0].ndim == 2:
        width = max(value.shape[1] for value in values)
        values = [_widened(value, width) for value in values]
    return np.concatenate(values)


def scored(pairs: Pairs) -> Pairs:
    """The pairs in which both models have a score."""
    rows = np.isfinite(pairs.base.score) & np.isfinite(pairs.variant.score)
    return pairs if rows.all() else _selected(pairs, rows)


def _selected(part: Parts, rows: Booleans) -> Parts:
    columns = {field.name: getattr(part, field.name) for field in fields(part)}
    for name, value in columns.items():
        if isinstance(value, Answers):
            columns[name] = _selected(value, rows)
        elif isinstance(value, np.ndarray):
            columns[name] = value[rows]
    return replace(part, **columns)
