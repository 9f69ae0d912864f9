"""The generated responses of sample logs, each once, with what this suite and other readers of answers read in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row, numbered_rows
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.files import is_log, logs_of, task_of
from mcqa_suite.logs.log_row import Columns, NotGeneratedError, choices_of, kind_of, texts_of
from mcqa_suite.logs.rescore import REMEDY, SUFFIX
from mcqa_suite.logs.rows import Sample, read_rows
from mcqa_suite.logs.scoring import read_all

OURS = "mcqa"  # the name of this suite among the readers
KINDS = {"letters": "mcq", "numbers": "numeric"}  # as labelled rows name them
QUESTIONS = ("question", "stem", "Question", "problem")  # columns that may hold the text of the question
DECIMAL = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?")
MOST_CONTEXT = 3000  # characters at the end of a prompt, where no column holds the question

Answer = str | None  # a letter, a canonical decimal string, or nothing
Readers = Mapping[str, Answer]


@dataclass(frozen=True)
class ReadResponse:
    """A response and the answers that readers read in it, by the readers' names; `kind` is mcq or numeric."""

    id: str
    set: str
    kind: str
    choices: tuple[str, ...]
    question: str
    text: str
    readers: Readers
    extraction: Extraction | None = field(default=None, compare=False)

    @property
    def row(self) -> Row:
        """The response as a row to label, in the columns of the project's labelled rows."""
        names = ("id", "set", "kind", "choices", "question", "text", "readers")
        return {name: getattr(self, name) for name in names} | {"choices": list(self.choices) or None}


def responses_of(
    paths: Sequence[Path], columns: Columns, report: Callable[[str], object] = lambda line: None
) -> list[ReadResponse]:
    """The responses of all logs of `paths`, which may be folders; `report` receives a line for each log that is skipped.

    DatasetError for a log that cannot be read, and where there is no response.
    """
    responses: list[ReadResponse] = []
    for log in dict.fromkeys(log for path in paths for log in logs_of(path)):
        if not is_log(log):
            raise DatasetError(f"{log}: no such file; {REMEDY}")
        if log.name.endswith(SUFFIX):
            report(f"skipped: {log}: written by `mcqa extract`")
            continue
        try:
            responses += _responses(log, columns)
        except NotGeneratedError as error:
            report(f"skipped: {log}: {error}")
    if not responses:
        raise DatasetError(f"{paths[0]}: no letters or numbers to read; give the samples_*.jsonl of a cot or math task")
    return responses


def _responses(log: Path, columns: Columns) -> Iterator[ReadResponse]:
    """Each response once: the harness logs it again under every filter of the task."""
    documents = set()
    for sample in read_rows(log):
        try:
            texts, kind = texts_of(sample.row), kind_of(sample.row["doc"], columns)
            choices = choices_of(sample.row["doc"], columns.choices)[0] if kind == "letters" else []
        except NotGeneratedError:
            raise
        except ValueError as error:
            raise DatasetError(f"{log}:{sample.line}: {error}") from error
        if kind not in KINDS:
            raise NotGeneratedError(f"{kind} are not read by other readers")
        document = sample.row.get("doc_id", sample.line)
        if document in documents:
            continue
        documents.add(document)
        for index, extraction in enumerate(read_all(kind, texts, {"choices": choices})):
            yield ReadResponse(
                id=f"{log}:{sample.line}" + (f"#{index}" if len(texts) > 1 else ""),
                set=task_of(log),
                kind=KINDS[kind],
                choices=tuple(choices),
                question=_question(sample),
                text=texts[index],
                readers={OURS: extraction.answer if isinstance(extraction.answer, str) else None},
                extraction=extraction,
            )


def _question(sample: Sample) -> str:
    column = next((text for name in QUESTIONS if isinstance(text := sample.doc.get(name), str)), "")
    return column or sample.context[-MOST_CONTEXT:]


def read_response(row: Row) -> ReadResponse:
    """The response of a labelled row or of one to label; ValueError names the column that cannot be used."""
    choices, readers = row.get("choices") or [], row.get("readers", {})
    checks: dict[str, bool] = {
        "id": isinstance(row.get("id"), str),
        "kind": row.get("kind") in KINDS.values(),
        "choices": bool(choices) == (row.get("kind") == "mcq") and _are_texts(choices),
        "text": isinstance(row.get("text"), str),
        "readers": isinstance(readers, dict) and all(_is_answer(answer, row) for answer in readers.values()),
    }
    if wrong := [name for name, right in checks.items() if not right]:
        raise ValueError(f"no usable {wrong[0]!r}; expected a row that `mcqa extract --disagree` wrote")
    name, question = (str(row.get(name) or "") for name in ("set", "question"))
    return ReadResponse(row["id"], name, row["kind"], tuple(choices), question, row["text"], readers)


def _is_answer(answer: Any, row: Row) -> bool:
    if answer is None or row.get("kind") != "numeric":
        return isinstance(answer, str | None)
    return isinstance(answer, str) and DECIMAL.fullmatch(answer) is not None


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def read_file(path: Path) -> Iterator[tuple[ReadResponse, Row]]:
    """The responses of a JSONL file with their rows; DatasetError names the line that is none."""
    for number, row in numbered_rows(path, "a file that `mcqa extract --disagree` wrote"):
        try:
            yield read_response(row), row
        except ValueError as error:
            raise DatasetError(f"{path}:{number}: {error}") from error
