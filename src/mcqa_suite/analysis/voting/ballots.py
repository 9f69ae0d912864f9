"""Sample logs as ballots: which answer each of a question's samples gave, and whether it is right."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.analysis.voting.strategies import UNREAD, Booleans, Floats, Integers, majority_sample
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import numbered_rows
from mcqa_suite.extract import Extraction, same_number
from mcqa_suite.logs.log_row import Columns, LogRow, NotGeneratedError, log_row
from mcqa_suite.logs.rows import Sample, read_rows
from mcqa_suite.logs.scoring import read_all
from mcqa_suite.questions.question import LETTERS


@dataclass(frozen=True, eq=False)
class Ballots:
    """One run's samples. Q questions, N samples of each.

    `answers` and `right` are Q x N (see `strategies`); `distinct[q]` are the answers that `answers` numbers, `texts[q]` the
    responses, `prompts[q]` the question, `contexts[q]` the whole prompt.
    """

    name: str
    ids: tuple[str, ...]
    answers: Integers
    right: Booleans
    distinct: tuple[tuple[Any, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    prompts: tuple[str, ...]
    contexts: tuple[str, ...]
    gold: tuple[Any, ...]

    @property
    def samples(self) -> int:
        """Samples a question."""
        return int(self.answers.shape[1])


@dataclass(frozen=True)
class _Question:
    id: str
    prompt: str
    context: str
    gold: Any
    log: LogRow


def read_ballots(path: Path, name: str, columns: Columns | None = None, n: int | None = None) -> Ballots:
    """The ballots of a `samples_*.jsonl`, or of a file of `{"id", "gold", "responses"}` rows.

    `n`: take the first n samples of each question. DatasetError where numbers of samples differ and no `n` is set, or a question
    has fewer than `n`; for a row that is no sample, a question that comes twice, an empty file.
    """
    rows: list[_Question] = []
    for sample in read_rows(path):
        try:
            rows.append(_question(sample, columns or Columns()))
        except NotGeneratedError as error:
            raise DatasetError(f"{path}:{sample.line}: {error}; vote on a cot, math or grid task") from error
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{path}:{sample.line}: {error}") from error
    if not rows:
        raise DatasetError(f"{path}: holds no sample; run the task again with --log_samples")
    rows = [row for row in rows if row.log.filter == rows[0].log.filter]  # each filter logs every document again
    question, times = Counter(row.id for row in rows).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"{path}: question {question} comes {times} times; give one run a file")
    _check_samples(path, rows, n)
    return _ballots(name, rows, n or len(rows[0].log.texts))


def _question(sample: Sample, columns: Columns) -> _Question:
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
    return _Question(str(doc.get("id", row.get("doc_id"))), prompt, context or prompt, gold, log)


def _check_samples(path: Path, rows: Sequence[_Question], n: int | None) -> None:
    """DatasetError unless all questions have as many samples, or at least n."""
    counts = {row.id: len(row.log.texts) for row in rows}
    question, fewest = min(counts.items(), key=lambda item: item[1])
    if n is None and max(counts.values()) > fewest:
        raise DatasetError(
            f"{path}: question {question} has {fewest} samples, others up to {max(counts.values())}; sample it again, "
            f"or give --n up to {fewest} and --draws {fewest}"
        )
    if n is not None and fewest < n:
        raise DatasetError(f"{path}: question {question} has {fewest} samples, fewer than --draws {n}; lower it")


def _ballots(name: str, rows: Sequence[_Question], width: int) -> Ballots:
    numbered = [_numbered(row.log.kind, _answers(row.log)[:width]) for row in rows]
    answers = np.array([numbers for numbers, _ in numbered], dtype=np.int64)
    right = np.zeros(answers.shape, dtype=np.bool_)
    for index, (row, (numbers, distinct)) in enumerate(zip(rows, numbered, strict=True)):
        is_right = [_is_right(row.log, answer) for answer in distinct]
        right[index] = [number != UNREAD and is_right[number] for number in numbers]
    return Ballots(
        name=name,
        ids=tuple(row.id for row in rows),
        answers=answers,
        right=right,
        distinct=tuple(tuple(distinct) for _, distinct in numbered),
        texts=tuple(row.log.texts[:width] for row in rows),
        prompts=tuple(row.prompt for row in rows),
        contexts=tuple(row.context for row in rows),
        gold=tuple(row.gold for row in rows),
    )


def _answers(log: LogRow) -> list[Any]:
    """The logged answer of every sample; extracted again where the filter logged only some of them."""
    logged: Sequence[Extraction] = log.extractions
    if len(logged) != len(log.texts):
        logged = read_all(log.kind, log.texts, log.doc)
    return [extraction.answer for extraction in logged]


def from_answers(name: str, answers: Sequence[Sequence[Any]], gold: Sequence[Any]) -> Ballots:
    """Ballots from answers, None where one was not read; equal values are one answer."""
    numbered = [_numbered("", row) for row in answers]
    ids = tuple(str(number) for number in range(len(answers)))
    right = [[answer is not None and answer == own for answer in row] for row, own in zip(answers, gold, strict=True)]
    return Ballots(
        name=name,
        ids=ids,
        answers=np.array([numbers for numbers, _ in numbered], dtype=np.int64),
        right=np.array(right, dtype=np.bool_),
        distinct=tuple(tuple(distinct) for _, distinct in numbered),
        texts=tuple(tuple(map(str, row)) for row in answers),
        prompts=("",) * len(ids),
        contexts=("",) * len(ids),
        gold=tuple(gold),
    )


def _numbered(kind: str, answers: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """The number of each answer among the distinct ones, and the distinct answers in order of appearance."""
    same: Callable[[Any, Any], bool] = same_number if kind == "numbers" else lambda a, b: bool(a == b)
    distinct: list[Any] = []
    keys: dict[str, int] = {}
    numbers = []
    for answer in answers:
        if answer is None:
            numbers.append(UNREAD)
            continue
        key = json.dumps(answer)
        if key not in keys:
            keys[key] = next((index for index, other in enumerate(distinct) if same(answer, other)), len(distinct))
            if keys[key] == len(distinct):
                distinct.append(answer)
        numbers.append(keys[key])
    return numbers, distinct


def majority_read(kind: str, extractions: Sequence[Extraction]) -> int | None:
    """The index of the sample that the majority of one question's samples picks; None where none was read."""
    numbers, _ = _numbered(kind, [extraction.answer for extraction in extractions])
    index = majority_sample(numbers)
    return None if index == UNREAD else index


def _is_right(log: LogRow, answer: Any) -> bool:
    if log.kind == "numbers":
        return same_number(answer, log.doc["gold"])
    if log.kind == "grids":
        return bool(answer == log.doc["output"])
    return answer in [LETTERS[index] for index in log.doc["gold"]]


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
    keys = [[(question, sample) for sample in range(ballots.samples)] for question in ballots.ids]
    if missing := [key for row in keys for key in row if key not in scores]:
        question, sample = missing[0]
        raise DatasetError(
            f"{path}: {len(missing)} samples of {ballots.name} have no score, the first is sample {sample} of question "
            f"{question}; score them too"
        )
    return np.array([[scores[key] for key in row] for row in keys])
