"""A sample log as columns for comparison: about 150 bytes a row, however long its prompt."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.rows import Sample, not_a_sample, read_rows
from mcqa_suite.logs.sample_values import (
    METRICS,
    SampleValueError,
    check_scored,
    fingerprint,
    hash_prefix,
    is_choice,
    option_bits,
    option_texts,
    read_score,
    read_target,
)
from mcqa_suite.questions.question import LETTERS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_ONES = (1,) * 1000
MIN_KNOWN_GOLD = 0.99  # statistics of gold letters need at least this share of documents with a known gold


@dataclass(frozen=True)
class Column:
    """A field of the documents: `names[codes[i]]` is document i's value, code -1 means none; `fields`: all field names."""

    codes: Integers
    names: tuple[str, ...]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Samples:
    """A task's documents under one filter, one row each, ordered by `doc_id`.

    `hashes`: the first 8 bytes of doc, prompt and target hash. `options`: how many the document has, 0 where an answer is
    not one of a few. `gold`: the right options as bits, 0 where unknown. `loglikelihoods` and `lengths` (in characters, where
    acc_norm needs them): n x options, None for generated answers. `answer`: a fingerprint of a generated answer, 0 where
    none could be read. `letter`: the option that it names, -1 where none. `response`: a fingerprint of what the model wrote.
    `failed`: the documents that got no answer from a server and have no row here, `doc_id` -> doc hash.
    """

    doc_id: Integers
    hashes: Hashes
    scores: dict[str, Floats]
    options: Integers
    gold: Hashes
    loglikelihoods: Floats | None
    lengths: Integers | None
    answer: Hashes | None
    letter: Integers | None
    response: Hashes | None
    field: Column | None
    failed: Mapping[int, int]

    @property
    def has_option(self) -> NDArray[np.bool_]:
        """n x options: whether the document has that option."""
        width = 0 if self.loglikelihoods is None else self.loglikelihoods.shape[1]
        return np.arange(width) < self.options[:, None]

    def pick(self, metric: str) -> Integers:
        """The index of the option that the model chose under a metric, by the harness's rule; -1 for none."""
        if self.loglikelihoods is None:
            assert self.letter is not None
            return self.letter
        values = self.loglikelihoods
        if metric == "acc_norm" and self.lengths is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = values / self.lengths
        values = np.where(self.has_option, values, -np.inf)
        return np.asarray(values.argmax(axis=1))

    def chose_gold(self, metric: str) -> NDArray[np.bool_]:
        """Whether the pick is one of the right options."""
        pick = self.pick(metric)
        shifted = self.gold >> np.maximum(pick, 0).astype(np.uint64)
        return np.asarray((pick >= 0) & ((shifted & np.uint64(1)) == 1))


def read_samples(
    path: Path, *, multiple_choice: bool | None, delimiter: str = " ", field: str | None = None
) -> dict[str, Samples]:
    """The samples of a log by filter, in the order of the log.

    `field` of the documents is kept as a column. `multiple_choice` None: decided by the first row. Raises DatasetError for
    an empty file, a broken line, a row of an older harness, a score that is not from 0 to 1, and a document twice.
    """
    tables: dict[str, _Table] = {}
    failed: dict[str, dict[int, int]] = {}
    failure: str | None = None
    for sample in read_rows(path, failed=True):
        try:
            if sample.failure is not None:
                failed.setdefault(sample.filter, {})[sample.doc_id] = hash_prefix(sample.hashes[0])
                failure = failure or sample.failure
                continue
            if sample.filter not in tables:
                choice = is_choice(sample.row) if multiple_choice is None else multiple_choice
                tables[sample.filter] = _Table(choice, delimiter, field)
            tables[sample.filter].add(sample)
        except SampleValueError as error:
            raise DatasetError(f"{path}:{sample.line}: {error}; correct the row, or run the task again") from error
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise not_a_sample(path, sample, error, "lm_eval 0.4.3 or newer") from error
    if not tables:
        nothing = f"no item got an answer ({failure}); run the task again"
        raise DatasetError(
            f"{path}: {nothing if failure else 'holds no sample; run the task again with --log_samples'}"
        )
    return {name: table.finish(f"{path}: filter {name}", failed.get(name, {})) for name, table in tables.items()}


class _Table:
    """Flat arrays that grow row by row; `finish` makes matrices of them."""

    def __init__(self, multiple_choice: bool, delimiter: str, field: str | None) -> None:
        self.multiple_choice, self.delimiter, self.field = multiple_choice, delimiter, field
        self.doc_id, self.options, self.codes = array("q"), array("q"), array("q")
        self.hashes, self.gold, self.answer, self.response = array("Q"), array("Q"), array("Q"), array("Q")
        self.loglikelihoods, self.lengths, self.letter = array("d"), array("q"), array("q")
        self.scores: dict[str, array[float]] = {}
        self.names: dict[str, int] = {}
        self.fields: dict[str, None] = {}

    def add(self, sample: Sample) -> None:
        doc, responses = sample.doc, sample.responses
        self.doc_id.append(sample.doc_id)
        self.hashes.extend(map(hash_prefix, sample.hashes))
        if self.field is not None:
            self.fields |= dict.fromkeys(doc)
            value = doc.get(self.field)
            self.codes.append(-1 if value is None else self.names.setdefault(str(value), len(self.names)))
        if self.multiple_choice:
            self._add_loglikelihoods(sample)
        else:
            self._add_answers(sample)
            self.response.append(fingerprint(responses))
        self._add_scores(sample.row)

    def _add_scores(self, row: Mapping[str, Any]) -> None:
        for name in row.get("metrics") or row.keys() - {"doc_id", "filter"}:
            if name in row and (value := read_score(name, row[name])) is not None:
                if (column := self.scores.get(name)) is None:
                    column = self.scores[name] = array("d")
                if missing := len(self.doc_id) - 1 - len(column):
                    check_scored(name, missing)
                    column.extend([np.nan] * missing)
                column.append(value)
        for name in self.scores.keys() & METRICS:
            check_scored(name, len(self.doc_id) - len(self.scores[name]))

    def _add_loglikelihoods(self, sample: Sample) -> None:
        row, values = sample.row, sample.loglikelihoods
        if "acc_mutual_info" in row:  # the second half are the options without the question
            values = values[: len(values) // 2]
        self.loglikelihoods.extend(values)
        self.options.append(len(values))
        bits = option_bits(sample.doc.get("gold"), len(values))
        if bits and "acc_norm" not in row:
            self.lengths.extend(_ONES[: len(values)])
        else:
            texts = option_texts(row.get("arguments", ()), len(values), self.delimiter)
            self.lengths.extend(max(1, len(text)) for text in texts)
            bits = bits or option_bits(read_target(sample.target, texts), len(values))
        self.gold.append(bits)

    def _add_answers(self, sample: Sample) -> None:
        answers, choices = sample.answers, sample.doc.get("choices")
        options = len(choices) if isinstance(choices, list) else 0
        first = answers[0] if answers else None
        self.options.append(options)
        self.gold.append(option_bits(sample.doc.get("gold"), options))
        self.letter.append(LETTERS.find(first) if isinstance(first, str) and len(first) == 1 else -1)
        self.answer.append(fingerprint(answers) if any(answer is not None for answer in answers) else 0)

    def finish(self, where: str, failed: Mapping[int, int]) -> Samples:
        doc_id = np.frombuffer(self.doc_id, np.int64)
        order = np.argsort(doc_id, kind="stable")  # data-parallel runs write documents out of order
        doc_id, n = doc_id[order], len(order)
        if n > 1 and (twice := doc_id[1:][doc_id[1:] == doc_id[:-1]]).size:
            raise DatasetError(
                f"{where}: document {twice[0]} comes twice; was the file written twice? Run the task again"
            )
        options = np.frombuffer(self.options, np.int64)
        choice = self.multiple_choice
        samples = Samples(
            doc_id=doc_id,
            hashes=np.frombuffer(self.hashes, np.uint64).reshape(n, 3)[order],
            scores={name: _filled(column, n)[order] for name, column in self.scores.items()},
            options=options[order],
            gold=np.frombuffer(self.gold, np.uint64)[order],
            loglikelihoods=_padded(np.frombuffer(self.loglikelihoods, np.float64), options)[order] if choice else None,
            lengths=_padded(np.frombuffer(self.lengths, np.int64), options)[order] if choice else None,
            answer=None if choice else np.frombuffer(self.answer, np.uint64)[order],
            letter=None if choice else np.frombuffer(self.letter, np.int64)[order],
            response=None if choice else np.frombuffer(self.response, np.uint64)[order],
            field=Column(np.frombuffer(self.codes, np.int64)[order], tuple(self.names), tuple(self.fields))
            if self.field
            else None,
            failed=failed,
        )
        return _without_contradicted_gold(samples)


def best_letter(gold: Hashes) -> tuple[str, float] | None:
    """The letter that is right most often, and the accuracy of always answering it; None where gold is unknown."""
    if not len(gold) or (gold != 0).mean() < MIN_KNOWN_GOLD:
        return None
    bits = (gold[:, None] >> np.arange(len(LETTERS), dtype=np.uint64)) & np.uint64(1)
    shares = bits.mean(axis=0)
    return LETTERS[int(shares.argmax())], float(shares.max())


def _without_contradicted_gold(samples: Samples) -> Samples:
    """Set gold to unknown where it contradicts the logged accuracy: the target of a foreign task may mean something else."""
    if "acc" in samples.scores and (samples.gold != 0).any():
        contradicted = samples.chose_gold("acc") != (samples.scores["acc"] > 0)
        samples.gold[contradicted] = 0
    return samples


def _padded(flat: NDArray[Any], counts: Integers) -> NDArray[Any]:
    """Rows of unequal length as one matrix, filled up with 0."""
    width = int(counts.max(initial=0))
    matrix = np.zeros((len(counts), width), flat.dtype)
    matrix[np.arange(width) < counts[:, None]] = flat
    return matrix


def _filled(column: array[float], n: int) -> Floats:
    values = np.full(n, np.nan)
    values[: len(column)] = np.frombuffer(column, np.float64)
    return values
