"""Sample logs as ballots: which answer each of a question's samples gave, and whether it is right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.clusters import cluster_of
from mcqa_suite.logs.log_row import Columns, LogRow, NotGeneratedError, log_row
from mcqa_suite.logs.rows import Sample, read_rows
from mcqa_suite.logs.samples import Booleans, Floats, Integers
from mcqa_suite.logs.scoring import SCORES, read_all
from mcqa_suite.logs.votes import numbered


@dataclass(frozen=True)
class Question:
    """A question and the responses to it; `context` is the whole prompt, `distinct` holds the answers that were read.

    `cluster`: the field that questions of one cluster share, and its value (logs.clusters); None for a question of its own.
    """

    id: str
    prompt: str
    context: str
    gold: Any
    texts: tuple[str, ...]
    distinct: tuple[Any, ...] = ()
    cluster: tuple[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Ballots:
    """One run's samples. Q questions, N samples of each.

    `answers` (Q x N) holds indices into the `distinct` answers of a question, UNREAD where no answer was read; `right`
    (Q x N) says whether a sample's answer is right.
    """

    name: str
    questions: tuple[Question, ...]
    answers: Integers
    right: Booleans

    @property
    def samples(self) -> int:
        """Samples a question."""
        return int(self.answers.shape[1])

    @property
    def clusters(self) -> Integers | None:
        """The number of each question's cluster; None where no two questions share one."""
        keys = [question.cluster or ("", str(number)) for number, question in enumerate(self.questions)]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return np.array([numbers[key] for key in keys]) if len(numbers) < len(keys) else None

    @property
    def clustered_by(self) -> str | None:
        """The field that says which questions are a cluster; None where no two questions share one."""
        fields = [question.cluster[0] for question in self.questions if question.cluster]
        return fields[0] if fields and self.clusters is not None else None


class NoTextsError(DatasetError):
    """A log of log-likelihoods, on which there is nothing to vote."""


def read_ballots(
    path: Path, name: str, columns: Columns | None = None, n: int | None = None, filter_name: str | None = None
) -> Ballots:
    """The ballots of a `samples_*.jsonl`, or of a file of `{"id", "gold", "responses"}` rows.

    `n`: take the first n samples of each question. `filter_name`: whose answers to take, where several filters read them.
    DatasetError where numbers of samples differ and no `n` is set, or a question
    has fewer than `n`; for a row that is no sample, a question that comes twice, an empty file; NoTextsError for a log of
    log-likelihoods.
    """
    rows: list[tuple[Question, LogRow]] = []
    for sample in read_rows(path):
        try:
            rows.append(_question(sample, columns or Columns()))
        except NotGeneratedError as error:
            raise NoTextsError(f"{path}:{sample.line}: {error}; vote on a cot, math or grid task") from error
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{path}:{sample.line}: {error}") from error
    if not rows:
        raise DatasetError(f"{path}: holds no sample; run the task again with --log_samples")
    wanted = _filter(path, [log for _, log in rows], filter_name)
    rows = [row for row in rows if row[1].filter == wanted]  # each filter logs every document again
    _check(path, [question for question, _ in rows], n)
    width = n or len(rows[0][0].texts)
    questions, answers, right = [], [], []
    for question, log in rows:
        extractions = _extractions(log)[:width]
        numbers, distinct = numbered(log.kind, [extraction.answer for extraction in extractions])
        questions.append(replace(question, texts=question.texts[:width], distinct=tuple(distinct)))
        answers.append(numbers)
        right.append([bool(SCORES[log.kind](log.doc, [extraction])["acc"]) for extraction in extractions])
    return Ballots(name, tuple(questions), np.array(answers, dtype=np.int64), np.array(right, dtype=np.bool_))


def _filter(path: Path, logs: Sequence[LogRow], filter_name: str | None) -> str:
    """The filter whose answers count: the chosen one, else the one that logged an answer for every sample, else the first."""
    filters = dict.fromkeys(log.filter for log in logs)
    whole = dict.fromkeys(log.filter for log in logs if len(log.extractions) == len(log.texts))
    if (len(whole) > 1 and filter_name is None) or (filter_name is not None and filter_name not in filters):
        given = "several filters read the answers" if filter_name is None else f"no filter {filter_name}"
        raise DatasetError(f"{path}: {given}; choose with --filter: {', '.join(filters)}")
    return filter_name or next(iter(whole or filters))


def _question(sample: Sample, columns: Columns) -> tuple[Question, LogRow]:
    """The question of a row of a sample log or of an `{id, gold, responses}` file."""
    row = sample.row
    if isinstance(row, dict) and "responses" in row:
        if not isinstance(row["responses"], list):
            raise ValueError("`responses` is not a list of texts")
        doc = {key: value for key, value in row.items() if key != "responses"}
        row = {"doc": doc, "resps": [row["responses"]], "doc_id": row.get("id")}
    log = log_row(row, columns)
    doc, context = row["doc"], sample.context
    prompt = next((doc[key] for key in ("question", "stem", "text") if isinstance(doc.get(key), str)), context)
    gold = doc.get("gold", doc.get("output", row.get("target")))
    identity, cluster = str(doc.get("id", row.get("doc_id"))), cluster_of(doc, None)
    return Question(identity, prompt, context or prompt, gold, log.texts, cluster=cluster), log


def _check(path: Path, questions: Sequence[Question], n: int | None) -> None:
    """DatasetError unless each question comes once, and all have as many samples, or at least n."""
    question, times = Counter(question.id for question in questions).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"{path}: question {question} comes {times} times; give one run a file")
    counts = {question.id: len(question.texts) for question in questions}
    question, fewest = min(counts.items(), key=lambda item: item[1])
    if n is None and max(counts.values()) > fewest:
        raise DatasetError(
            f"{path}: question {question} has {fewest} samples, others up to {max(counts.values())}; sample it again, "
            f"or give --n up to {fewest} and --draws {fewest}"
        )
    if n is not None and fewest < n:
        raise DatasetError(f"{path}: question {question} has {fewest} samples, fewer than --draws {n}; lower it")


def _extractions(log: LogRow) -> Sequence[Extraction]:
    """The logged extraction of every sample; extracted again where the filter logged only some of them."""
    if len(log.extractions) == len(log.texts):
        return log.extractions
    return read_all(log.kind, log.texts, log.doc)


def score_lines(path: Path) -> dict[tuple[str, int], float]:
    """The scores in a file of `{"id", "sample", "score"}` rows, `sample` counted from 0."""
    scores: dict[tuple[str, int], float] = {}
    for number, row in numbered_rows(path, "a file of {id, sample, score} rows"):
        try:
            key, score = (str(row["id"]), int(row["sample"])), float(row["score"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}:{number}: not a score ({error!r}); expected id, sample and score") from error
        if not math.isfinite(score):
            raise DatasetError(f"{path}:{number}: the score is {score}; expected a finite number")
        scores[key] = score
    return scores


def read_scores(path: Path, ballots: Ballots) -> Floats:
    """Q x N scores in the order of the ballots; DatasetError names the first sample without one."""
    scores = score_lines(path)
    keys = [[(question.id, sample) for sample in range(ballots.samples)] for question in ballots.questions]
    if missing := [key for row in keys for key in row if key not in scores]:
        question, sample = missing[0]
        raise DatasetError(
            f"{path}: {len(missing)} samples of {ballots.name} have no score, the first is sample {sample} of question "
            f"{question}; score them too"
        )
    return np.array([[scores[key] for key in row] for row in keys])
