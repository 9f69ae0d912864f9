"""A sample log as columns for comparison: about 150 bytes a row, however long its prompt."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.exact_match import Text
from mcqa_suite.logs.metrics import METRICS
from mcqa_suite.logs.rows import HARNESS, parse_rows
from mcqa_suite.logs.sample_values import Values, answer_values, has_options, option_values, row_values

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Booleans = NDArray[np.bool_]
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # makes another cluster of each document, also of two with one hash
# The columns of a log by the type code of `array`; a row has one value or several, and none in the columns of another kind.
TYPES = {
    **{
        "line": "q",
        "doc_id": "q",
        "hashes": "Q",
        "options": "q",
        "gold": "b",
        "own_gold": "b",
        "cut": "b",
        "changed": "b",
        "cluster": "Q",
    },
    **{
        "loglikelihoods": "d",
        "lengths": "q",
        "answer": "Q",
        "letter": "q",
        "response": "Q",
        "written": "q",
        "exact": "b",
    },
}
HASHES = ("document", "prompt", "target", "continuations")  # the columns of `Samples.hashes`
# Largest share of contradictions between a gold that is read from a foreign task's target and its accuracy; above it the target
# means something else. Gold in a document of ours is never in doubt.
MISREAD = 0.1


@dataclass(frozen=True, eq=False)
class Samples:
    """A task's documents under one filter, one row each, ordered by `doc_id`.

    `hashes`: the first 8 bytes of the hashes of HASHES, 0 where the log has none. `options`: how many the document has, 0 where
    an answer is not one of a few. `gold`: n x options, whether the option is right; none is where gold is unknown.
    `loglikelihoods` and `lengths` (in characters, where acc_norm needs them): n x options, None for generated answers. `answer`:
    a fingerprint of a generated answer, 0 where none could be read. `letter`: the option that it names, -1 where none.
    `response`: a fingerprint of what the model wrote, `written`: its characters. `failed`: the documents that got no answer from
    a server and have no row here, `doc_id` -> doc hash. `cluster`: equal for the rows of one question (logs.clusters);
    `clustered_by`: the field that says so, None where no document has one; `fields`: all fields of the documents, where the user
    named one. `contradictions`: in how many rows the logged accuracy is not that of the row's own answer and gold;
    `unclear_golds`: in how many of a foreign task it is not, where the target may mean something else; `cut`: in how many fewer
    options were kept than asked for; `changed`: in how many a filter logged another log-likelihood than the model's.
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
    written: Integers | None = None
    clustered_by: str | None = None
    fields: tuple[str, ...] = ()
    contradictions: int = 0
    unclear_golds: int = 0
    cut: int = 0
    changed: int = 0

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

    @property
    def scores_texts(self) -> bool:
        """Whether the options' texts were scored, not their letters, so that their length counts in acc."""
        if "acc" not in self.scores or "acc_norm" not in self.scores:
            return False
        has_texts = self.lengths is not None and bool((self.lengths > 1).any())
        return has_texts or bool((self.scores["acc"] != self.scores["acc_norm"]).any())

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
    path: Path,
    *,
    multiple_choice: bool | None,
    delimiter: str = " ",
    field: str | None = None,
    exact_match: list[Text] | None = None,
) -> dict[str, Samples]:
    """The samples of a log by filter, in the order of the log.

    `field` of the documents names their clusters, see logs.clusters. `multiple_choice` None: decided by the first row.
    `exact_match`: the rule by which that metric is checked, see logs.exact_match. Raises DatasetError for an empty file, a broken
    line, a row of an older harness, a score that is not from 0 to 1, and a document twice.
    """
    if multiple_choice is None:
        multiple_choice = next(parse_rows(path, has_options, HARNESS), False)
    values = (
        partial(option_values, delimiter=delimiter) if multiple_choice else partial(answer_values, rule=exact_match)
    )
    tables: defaultdict[str, _Table] = defaultdict(_Table)
    failed: dict[str, dict[int, int]] = {}
    reason = None
    for row in parse_rows(path, lambda sample: row_values(sample, field, values), HARNESS, failed=True):
        if row["failure"] is None:
            tables[row["filter"]].add(row)
        else:
            failed.setdefault(row["filter"], {})[row["doc_id"]] = row["hashes"][0]
            reason = reason or row["failure"]
    if not tables:
        nothing = f"no item got an answer ({reason}); run the task again"
        raise DatasetError(f"{path}: {nothing if reason else 'holds no sample; run the task again with --log_samples'}")
    return {name: table.samples(path, name, failed.get(name, {})) for name, table in tables.items()}


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
        columns["hashes"] = columns["hashes"].reshape(n, len(HASHES))
        generated = ("answer", "letter", "response", "written")
        names = generated if len(columns["answer"]) else ("loglikelihoods", "lengths")
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
        own_gold = columns["own_gold"][order].astype(bool)
        pairs = [_contradictions(samples, own_gold, name) for name in ("acc", "acc_norm")]
        wrong, unclear = (np.logical_or.reduce(parts) for parts in zip(*pairs, strict=True))
        if len(exact := columns["exact"]):
            wrong |= (exact[order] == 0) & (own_gold | (exact >= 0).all())
        if "acc" in samples.scores:
            # What is right is unknown where gold and accuracy contradict each other. A mean over several answers, such as 0.5,
            # says nothing of the first, which is the pick.
            acc = samples.scores["acc"]
            samples.gold[np.isin(acc, (0.0, 1.0)) & (samples.chose_gold("acc") != (acc == 1))] = False
        return replace(
            samples,
            contradictions=int(wrong.sum()),
            unclear_golds=int(unclear.sum()),
            cut=int(columns["cut"].sum()),
            changed=int(columns["changed"].sum()),
        )


def _contradictions(samples: Samples, own_gold: Booleans, metric: str) -> tuple[Booleans, Booleans]:
    """In which rows a metric of right and wrong is not what the row's own answer and gold give, and in which that is unclear.

    It is in those of a foreign task where more than MISREAD of its rows do: there the target may mean something else.
    """
    scores, testable = samples.scores.get(metric), samples.gold.any(axis=1)
    none = np.zeros(len(samples.doc_id), bool)
    if scores is None:
        return none, none
    testable &= np.isin(scores, (0.0, 1.0))
    if samples.letter is not None and samples.answer is not None:
        testable &= own_gold & ((samples.letter >= 0) | (samples.answer == 0))
    if metric == "acc_norm":  # lengths of 1 may stand for texts that the log does not hold
        testable &= own_gold if samples.lengths is None else own_gold & (samples.lengths > 1).any(axis=1)
    wrong = testable & (samples.chose_gold(metric) != (scores > 0))
    foreign = testable & ~own_gold
    if (wrong & foreign).sum() > MISREAD * foreign.sum():
        return wrong & own_gold, wrong & foreign
    return wrong, none


def _padded(flat: NDArray[Any], counts: Integers) -> NDArray[Any]:
    """Rows of unequal length as one matrix, filled up with 0."""
    width = int(counts.max(initial=0))
    matrix = np.zeros((len(counts), width), flat.dtype)
    matrix[np.arange(width) < counts[:, None]] = flat
    return matrix
