"""Sample logs as ballots: which answer each of a question's samples gave, and whether it is right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mcqa_suite.analysis.voting.strategies import UNREAD, Booleans, Integers, majority_sample
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.extract import same_number
from mcqa_suite.logs.files import numbered_rows
from mcqa_suite.logs.log_row import Columns, NotGeneratedError, Recorded, recorded_row
from mcqa_suite.logs.scoring import Read, read_all
from mcqa_suite.questions.question import LETTERS


@dataclass(frozen=True, eq=False)
class Ballots:
    """One run's samples: `answers` and `right` are Q x N (see `strategies`), `distinct[q]` the answers that are numbered
    there, `texts[q]` what the model wrote, `prompts[q]` the question, `contexts[q]` all that the model was shown."""

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


class _Row(NamedTuple):
    id: str
    prompt: str
    context: str
    gold: Any
    recorded: Recorded


def read_ballots(path: Path, name: str, columns: Columns | None = None, n: int | None = None) -> Ballots:
    """The ballots of a `samples_*.jsonl`, or of a file of `{"id", "gold", "responses"}` rows.

    Where questions have different numbers of samples, `n` of each are taken, or DatasetError says so; so it does for a row
    that is no sample, a question that comes twice and an empty file.
    """
    rows: list[_Row] = []
    filters: set[str] = set()
    for number, row in numbered_rows(path):
        try:
            rows.append(_row(row, columns or Columns()))
        except NotGeneratedError as error:
            raise DatasetError(f"{path}:{number}: {error}; vote on a cot, math or grid task") from error
        except (ValueError, TypeError, KeyError) as error:
            raise DatasetError(f"{path}:{number}: {error}") from error
        filters.add(rows[-1].recorded.filter)
    if not rows:
        raise DatasetError(f"{path}: holds no sample; run the task again with --log_samples")
    if len(filters) > 1:  # each filter logs every document again: the first one counts
        rows = [row for row in rows if row.recorded.filter == rows[0].recorded.filter]
    again, times = Counter(row.id for row in rows).most_common(1)[0]
    if times > 1:
        raise DatasetError(f"{path}: question {again} comes {times} times; give one run a file")
    return _ballots(name, _cut(path, rows, n))


def _row(row: Any, columns: Columns) -> _Row:
    """A row of either form."""
    if isinstance(row, dict) and "responses" in row:
        shown = {key: value for key, value in row.items() if key != "responses"}
        if not isinstance(row["responses"], list):
            raise ValueError("`responses` is no list of texts")
        row = {"doc": shown, "resps": [row["responses"]], "doc_id": row.get("id")}
    recorded = recorded_row(row, columns)
    doc = row["doc"]
    name = str(doc.get("id", row.get("doc_id")))
    gold = doc.get("gold", doc.get("output", row.get("target")))
    arguments = row.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    context = str(first.get("arg_0", "")) if isinstance(first, dict) else ""
    question = next((doc[key] for key in ("question", "stem", "text") if isinstance(doc.get(key), str)), context)
    return _Row(name, question, context or question, gold, recorded)


def _cut(path: Path, rows: list[_Row], n: int | None) -> list[_Row]:
    """The rows, if all have as many samples, or at least n."""
    counts = {len(row.recorded.texts) for row in rows}
    least = min(rows, key=lambda row: len(row.recorded.texts))
    if len(counts) > 1 and n is None:
        raise DatasetError(
            f"{path}: question {least.id} has {len(least.recorded.texts)} samples, others up to {max(counts)}; sample it again, "
            f"or give --n up to {len(least.recorded.texts)} and --draws {len(least.recorded.texts)}"
        )
    if n is not None and len(least.recorded.texts) < n:
        raise DatasetError(
            f"{path}: question {least.id} has {len(least.recorded.texts)} samples, {n} asked for; lower --draws"
        )
    return rows


def _ballots(name: str, rows: Sequence[_Row]) -> Ballots:
    width = min(len(row.recorded.texts) for row in rows)
    answers = np.full((len(rows), width), UNREAD, dtype=np.int64)
    right = np.zeros((len(rows), width), dtype=np.bool_)
    distinct: list[tuple[Any, ...]] = []
    for place, recorded in enumerate(row.recorded for row in rows):
        numbers, known = _numbered(recorded.kind, [read["answer"] for read in _reads(recorded)[:width]])
        is_right = [_is_right(recorded, answer) for answer in known]
        answers[place] = numbers
        right[place] = [number != UNREAD and is_right[number] for number in numbers]
        distinct.append(tuple(known))
    return Ballots(
        name=name,
        ids=tuple(row.id for row in rows),
        answers=answers,
        right=right,
        distinct=tuple(distinct),
        texts=tuple(row.recorded.texts[:width] for row in rows),
        prompts=tuple(row.prompt for row in rows),
        contexts=tuple(row.context for row in rows),
        gold=tuple(row.gold for row in rows),
    )


def from_answers(name: str, answers: Sequence[Sequence[Any]], gold: Sequence[Any]) -> Ballots:
    """Ballots from answers that were read already, None where one was not; equal values are one answer."""
    table = np.full((len(answers), len(answers[0])), UNREAD, dtype=np.int64)
    right = np.zeros(table.shape, dtype=np.bool_)
    distinct = []
    for place, given in enumerate(answers):
        known = list(dict.fromkeys(answer for answer in given if answer is not None))
        table[place] = [UNREAD if answer is None else known.index(answer) for answer in given]
        right[place] = [answer is not None and answer == gold[place] for answer in given]
        distinct.append(tuple(known))
    ids = tuple(str(number) for number in range(len(answers)))
    texts = tuple(tuple(str(answer) for answer in given) for given in answers)
    nothing = ("",) * len(ids)
    return Ballots(name, ids, table, right, tuple(distinct), texts, nothing, nothing, tuple(gold))


def _reads(recorded: Recorded) -> Sequence[Read]:
    """What the filter read of every sample; read again where the log kept fewer (a filter that takes the first)."""
    if len(recorded.reads) == len(recorded.texts):
        return recorded.reads
    return read_all(recorded.kind, recorded.texts, recorded.doc)


def _numbered(kind: str, answers: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """Each answer's number among the distinct ones, in the order in which they came."""
    same: Callable[[Any, Any], bool] = same_number if kind == "numbers" else lambda one, other: bool(one == other)
    known: list[Any] = []
    keys: dict[str, int] = {}
    numbers = []
    for answer in answers:
        if answer is None:
            numbers.append(UNREAD)
            continue
        key = json.dumps(answer)
        if key not in keys:
            found = next((index for index, other in enumerate(known) if same(answer, other)), len(known))
            if found == len(known):
                known.append(answer)
            keys[key] = found
        numbers.append(keys[key])
    return numbers, known


def majority_read(kind: str, reads: Sequence[Read]) -> int | None:
    """The place of the sample that the majority of one question's reads picks; None where none was read."""
    numbers, _ = _numbered(kind, [read["answer"] for read in reads])
    place = majority_sample(numbers)
    return None if place == UNREAD else place


def _is_right(recorded: Recorded, answer: Any) -> bool:
    if recorded.kind == "numbers":
        return same_number(answer, recorded.doc["gold"])
    if recorded.kind == "grids":
        return bool(answer == recorded.doc["output"])
    return answer in [LETTERS[index] for index in recorded.doc["gold"]]
