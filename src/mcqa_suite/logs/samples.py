"""A sample log as columns for comparison: about 150 bytes a row, however long its prompt."""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.clusters import cluster_of
from mcqa_suite.logs.metrics import METRICS
from mcqa_suite.logs.rows import Sample, parse_rows
from mcqa_suite.questions.question import LETTERS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Booleans = NDArray[np.bool_]
Values = dict[str, Any]  # of one row
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # makes another cluster of each document, also of two with one hash
# The columns of a log by the type code of `array`; a row has one value or several, and none in the columns of another kind.
TYPES = {
    **{"line": "q", "doc_id": "q", "hashes": "Q", "options": "q", "gold": "b", "cluster": "Q"},
    **{"loglikelihoods": "d", "lengths": "q", "answer": "Q", "letter": "q", "response": "Q"},
}


@dataclass(frozen=True, eq=False)
class Samples:
    """A task's documents under one filter, one row each, ordered by `doc_id`.

    `hashes`: the first 8 bytes of doc, prompt and target hash. `options`: how many the document has, 0 where an answer is
    not one of a few. `gold`: n x options, whether the option is right; none is where gold is unknown. `loglikelihoods` and
    `lengths` (in characters, where acc_norm needs them): n x options, None for generated answers. `answer`: a fingerprint of
    a generated answer, 0 where none could be read. `letter`: the option that it names, -1 where none. `response`: a
    fingerprint of what the model wrote. `failed`: the documents that got no answer from a server and have no row here,
    `doc_id` -> doc hash. `cluster`: equal for the rows of one question (logs.clusters); `clustered_by`: the field that says
    so, None where no document has one; `fields`: all fields of the documents, where the user named one.
    """

    doc_id: Integers
    hashes: Hashes
    scores: dict[str, Floats]
    options: Integers
    gold: Booleans
    cluster: Hashes
    failed: Mapping[int, int]
    loglikelihoods: Floats | None = None
    lengths: Integers | None = None
    answer: Hashes | None = None
    letter: Integers | None = None
    response: Hashes | None = None
    clustered_by: str | None = None
    fields: tuple[str, ...] = ()

    @property
    def has_option(self) -> NDArray[np.bool_]:
        """n x options: whether the document has that option."""
        width = 0 if self.loglikelihoods is None else self.loglikelihoods.shape[1]
        return np.arange(width) < self.options[:, None]

    @property
    def unread(self) -> Floats | None:
        """The share of each document's answers that could not be read; None for log-likelihoods."""
        if self.answer is None:
            return None
        none_read = (self.answer == 0).astype(float)
        parsed = self.scores.get("parsed")
        return none_read if parsed is None else np.where(np.isnan(parsed), none_read, 1 - parsed)

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
        return np.asarray((self.gold & (np.arange(self.gold.shape[1]) == pick[:, None])).any(axis=1))


def read_samples(
    path: Path, *, multiple_choice: bool | None, delimiter: str = " ", field: str | None = None
) -> dict[str, Samples]:
    """The samples of a log by filter, in the order of the log.

    `field` of the documents names their clusters, see logs.clusters. `multiple_choice` None: decided by the first row. Raises
    DatasetError for an empty file, a broken line, a row of an older harness, a score that is not from 0 to 1, and a document
    twice.
    """
    kind = "lm_eval 0.4.3 or newer"
    if multiple_choice is None:
        multiple_choice = next(parse_rows(path, _has_options, kind), False)
    values = partial(_option_values, delimiter=delimiter) if multiple_choice else _answer_values
    tables: defaultdict[str, _Table] = defaultdict(_Table)
    failed: dict[str, dict[int, int]] = {}
    reason = None
    for row in parse_rows(path, lambda sample: _row(sample, field, values), kind, failed=True):
        if row["failure"] is None:
            tables[row["filter"]].add(row)
        else:
            failed.setdefault(row["filter"], {})[row["doc_id"]] = row["hashes"][0]
            reason = reason or row["failure"]
    if not tables:
        nothing = f"no item got an answer ({reason}); run the task again"
        raise DatasetError(f"{path}: {nothing if reason else 'holds no sample; run the task again with --log_samples'}")
    return {name: table.samples(path, name, failed.get(name, {})) for name, table in tables.items()}


def _row(sample: Sample, field: str | None, values: Callable[[Sample], Values]) -> Values:
    """What the columns hold of a sample; a failed one has no answer and no scores."""
    row: Values = {
        "filter": sample.filter,
        "line": sample.line,
        "failure": sample.failure,
        "doc_id": sample.doc_id,
        "hashes": [hash_prefix(digest) for digest in sample.hashes],
    }
    if not -(2**63) <= row["doc_id"] < 2**63:
        raise OverflowError(f"doc_id {row['doc_id']} has more than 64 bits")
    if row["failure"] is not None:
        return row
    row["scores"] = sample.scores
    doc = sample.doc
    cluster = cluster_of(doc, field)
    row |= {"cluster": _fingerprint(cluster[1]) if cluster else 0, "clustered_by": cluster and cluster[0]}
    if field is not None:
        row["fields"] = doc.keys()
    return row | values(sample)


def _option_values(sample: Sample, delimiter: str) -> Values:
    values, responses = sample.loglikelihoods, len(sample.responses)
    if 0 < responses < len(values):  # a log may leave the responses out, as they are those of the filter
        raise ValueError(f"{len(values)} options, {responses} responses")
    gold = _right_options(sample.doc.get("gold"), len(values))
    lengths = [1] * len(values)
    if not any(gold) or "acc_norm" in sample.row:
        texts = sample.option_texts(len(values), delimiter)
        lengths = [max(1, len(text)) for text in texts]
        gold = gold if any(gold) else _right_options(_read_target(sample.target, texts), len(values))
    return {"options": len(values), "gold": gold, "loglikelihoods": values, "lengths": lengths}


def _answer_values(sample: Sample) -> Values:
    answers, choices = sample.answers, sample.doc.get("choices")
    options = len(choices) if isinstance(choices, list) else 0
    first = answers[0] if answers else None
    letter = LETTERS.find(first) if isinstance(first, str) and len(first) == 1 else -1
    return {
        "options": options,
        "gold": _right_options(sample.doc.get("gold"), options),
        "answer": _fingerprint(answers) if any(answer is not None for answer in answers) else 0,
        "letter": letter if letter < (options or len(LETTERS)) else -1,
        "response": _fingerprint(sample.responses),
    }


class _Table:
    """The columns of one filter, which grow row by row."""

    def __init__(self) -> None:
        self.columns: dict[str, array[Any]] = {name: array(code) for name, code in TYPES.items()}
        self.scores: dict[str, array[float]] = {}
        self.clustered_by: str | None = None
        self.fields: dict[str, None] = {}

    def add(self, row: Values) -> None:
        for name in row["scores"]:
            if name not in self.scores:
                self.scores[name] = array("d", [np.nan]) * len(self.columns["doc_id"])
        for name, column in self.scores.items():
            column.append(row["scores"].get(name, np.nan))
        self.clustered_by = self.clustered_by or row["clustered_by"]
        self.fields |= dict.fromkeys(row.get("fields", ()))
        for name in self.columns.keys() & row.keys():
            if isinstance(row[name], list):
                self.columns[name].extend(row[name])
            else:
                self.columns[name].append(row[name])

    def samples(self, path: Path, filter_name: str, failed: Mapping[int, int]) -> Samples:
        columns: dict[str, Any] = {name: np.asarray(column) for name, column in self.columns.items()}
        for name, scores in self.scores.items():
            if name in METRICS and np.isnan(scores).any():
                where = f"{path}:{columns['line'][np.isnan(scores).argmax()]}"
                reason = f"{name} is in some rows, and missing in this one"
                raise DatasetError(f"{where}: {reason}; correct the row, or run the task again")
        doc_id, n = columns["doc_id"], len(columns["doc_id"])
        order: Any = slice(None)
        if (doc_id[1:] < doc_id[:-1]).any():  # data-parallel runs write documents out of order
            order = np.argsort(doc_id, kind="stable")
            doc_id = doc_id[order]
        if (twice := doc_id[1:][doc_id[1:] == doc_id[:-1]]).size:
            where = f"{path}: filter {filter_name}: document {twice[0]}"
            raise DatasetError(f"{where} comes twice; was the file written twice? Run the task again")
        columns["hashes"] = columns["hashes"].reshape(n, 3)
        names = ("answer", "letter", "response") if len(columns["answer"]) else ("loglikelihoods", "lengths")
        columns["gold"] = _padded(columns["gold"], columns["options"]).astype(bool)
        if "lengths" in names:
            columns |= {name: _padded(columns[name], columns["options"]) for name in names}
        own = columns["hashes"][:, 0] ^ (columns["doc_id"].astype(np.uint64) * SPREAD)
        columns["cluster"] = np.where(columns["cluster"] == 0, own, columns["cluster"])
        samples = Samples(
            **{name: columns[name][order] for name in ("doc_id", "hashes", "options", "gold", "cluster", *names)},
            scores={name: np.asarray(scores)[order] for name, scores in self.scores.items()},
            failed=failed,
            clustered_by=self.clustered_by,
            fields=tuple(self.fields),
        )
        if "acc" in samples.scores and samples.gold.any():
            # Gold that contradicts the logged accuracy is unknown: the target of a foreign task may mean something else.
            # A mean over several answers, such as 0.5, says nothing of the first, which is the pick.
            acc = samples.scores["acc"]
            samples.gold[np.isin(acc, (0.0, 1.0)) & (samples.chose_gold("acc") != (acc == 1))] = False
        return samples


def _padded(flat: NDArray[Any], counts: Integers) -> NDArray[Any]:
    """Rows of unequal length as one matrix, filled up with 0."""
    width = int(counts.max(initial=0))
    matrix = np.zeros((len(counts), width), flat.dtype)
    matrix[np.arange(width) < counts[:, None]] = flat
    return matrix


def hash_prefix(digest: str) -> int:
    """The first 8 bytes of a hexadecimal hash; of any other text, 8 bytes of its fingerprint."""
    try:
        return int.from_bytes(bytes.fromhex(digest[:16]))
    except ValueError:
        return _fingerprint(digest)


def _has_options(sample: Sample) -> bool:
    """Whether a sample holds log-likelihoods of options: (log-likelihood, is_greedy) pairs."""
    pairs = sample.row["filtered_resps"]
    return len(pairs) > 1 and all(isinstance(p, list) and len(p) == 2 and str(p[1]) in ("True", "False") for p in pairs)


def _fingerprint(value: Any) -> int:
    """8 bytes of a hash of `repr(value)`; never 0."""
    return int.from_bytes(blake2b(repr(value).encode("utf-8", "replace"), digest_size=8).digest(), "little") or 1


def _right_options(indices: Any, options: int) -> list[bool]:
    """Whether each option is among `indices`; none is where a value is not the index of an option."""
    chosen = indices if isinstance(indices, list) else [indices]
    if not all(type(index) is int and 0 <= index < options for index in chosen):
        chosen = []
    return [option in chosen for option in range(options)]


def _read_target(target: Any, texts: Sequence[str]) -> Any:
    """The right index or indices from a logged `str(doc_to_target(doc))`, which may be the option's text; None if unclear."""
    text = str(target).strip()
    if text in texts and not text.isdigit():
        return texts.index(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
