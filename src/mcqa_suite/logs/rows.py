"""The samples of a log, one document under one filter each; no other module reads the rows of these files.

Our filters log one line of JSON for each response:
`{"answer": "B", "status": "answered", "rule": "answer_is", "span": [14, 15]}`.
Version 0.1.0 logged the `repr` of such a dict, which is read too.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import opened
from mcqa_suite.common.foreign_text import one_line
from mcqa_suite.common.json_text import loads
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.lines import numbered_lines, seekable
from mcqa_suite.logs.metrics import ACCURACIES
from mcqa_suite.logs.older_rows import Completion
from mcqa_suite.logs.packing import continuations_digest, with_document, without_arguments
from mcqa_suite.logs.printed_values import is_printed_list, number, printed_pairs

T = TypeVar("T")
LARGEST = 1e100  # a score above it has no mean
HARNESS = "lm_eval 0.4.0 or newer"  # the logs that are read
PRINTED_PAIR = re.compile(r"\(.*,\s*(True|False)\)")  # (-1.5, False)
STEM = ("stem", "question", "query", "problem", "input", "text")  # columns that may hold the text of a question
EXTRACTION_FIELDS = ("answer", "status", "rule", "span")
# What every row holds; the other values of a row without a list of `metrics` are metrics.
ROW_KEYS = {
    *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "recorded"),
    *("doc_hash", "prompt_hash", "target_hash"),
}
# What the harness's own regex filters return where nothing matched.
NO_ANSWER = ("", "[invalid]", "[no answer]")


class SampleValueError(ValueError):
    """A value of a sample that cannot be right, such as a score that is not from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of a sample log, counted from 1, and its JSON.

    A property raises KeyError, TypeError or ValueError where the row lacks the value.
    """

    row: Mapping[str, Any]
    line: int = 0

    @property
    def doc_id(self) -> int:
        """Raises SampleValueError where it is no whole number."""
        value = self.row["doc_id"]
        if type(value) is int:
            return value
        identity = None if isinstance(value, bool) else number(value)
        if identity is None or not identity.is_integer():
            raise SampleValueError(f"doc_id is {_short(value)}, expected a whole number")
        return int(identity)

    @property
    def doc(self) -> dict[str, Any]:
        """The document's columns; {} where it is not a mapping."""
        doc = self.row["doc"]
        return doc if isinstance(doc, dict) else {}

    @property
    def stem(self) -> str | None:
        """The text of the question without options, in the column that holds it; None where no column of STEM is a text."""
        return next((self.doc[name] for name in STEM if isinstance(self.doc.get(name), str)), None)

    @property
    def filter(self) -> str:
        return one_line(str(self.row["filter"]))

    @property
    def target(self) -> Any:
        """`str(doc_to_target(doc))`, as the harness logs it."""
        return self.row["target"]

    @property
    def context(self) -> str:
        """The prompt of the first request, "" where the log has none."""
        return self._argument(0, 0)

    def option_texts(self, options: int, delimiter: str = " ") -> list[str]:
        """The continuation of each option without the delimiter before it; "" where the log has none."""
        if without_arguments(self.row):
            choices = self.doc.get("choices")
            return [str(text) for text in choices[:options]] if isinstance(choices, list) else [""] * options
        return [self._argument(option, 1).removeprefix(delimiter) for option in range(options)]

    def requests(self) -> list[tuple[str, str]]:
        """The prompt and the scored continuation of each option; "" where the log has none."""
        return [(self._argument(option, 0), self._argument(option, 1)) for option in range(len(self.loglikelihoods))]

    def _argument(self, request: int, index: int) -> str:
        try:
            arguments = self.row["arguments"]
            named = isinstance(arguments, dict)
            value = arguments[f"gen_args_{request}"][f"arg_{index}"] if named else arguments[request][index]
            is_chat = isinstance(value, list) and len(value) == 1  # of messages, as one text
            return str(value[0] if is_chat else value)
        except (KeyError, IndexError, TypeError):
            return ""

    @property
    def responses(self) -> list[Any]:
        """Every response of every request: a text, or [log-likelihood, is_greedy] of a log-likelihood request."""
        return _each(self.row["resps"])

    @property
    def filtered(self) -> list[Any]:
        """The responses after the filter."""
        return _each(self.row["filtered_resps"])

    @property
    def answers(self) -> list[Any]:
        """The answer of each generated response, None where none could be read."""
        return [read_answer(value) for value in self.filtered]

    @property
    def pairs(self) -> Any:
        """(log-likelihood, is_greedy) of each continuation; whatever the filter gave for a generated answer."""
        value = self.row["filtered_resps"]
        if is_printed_list(value):
            return printed_pairs(value)
        if isinstance(value, list) and value and all(isinstance(p, str) and PRINTED_PAIR.fullmatch(p) for p in value):
            return [pair for text in value for pair in printed_pairs(text)]
        return value

    @property
    def loglikelihoods(self) -> list[float]:
        """The log-likelihood of each option of a multiple-choice task; SampleValueError where one is no number."""
        try:
            values = [float(pair[0]) for pair in self.pairs]
        except (TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
            value = _short(self.row["filtered_resps"])
            raise SampleValueError(f"filtered_resps is {value}, expected a log-likelihood for each option") from error
        # With acc_mutual_info, the second half are the options without the question.
        return values[: len(values) // 2] if "acc_mutual_info" in self.row else values

    @property
    def metrics(self) -> list[str]:
        """The names under `metrics`; logs of older harnesses have none."""
        names = self.row.get("metrics")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    @property
    def scores(self) -> dict[str, float]:
        """The metrics whose value in this row is a number; SampleValueError where an accuracy is not from 0 to 1."""
        names = self.metrics or [name for name in self.row if name not in ROW_KEYS]
        named = {_shown(name): self.score(name) for name in names if name in self.row}
        return {name: value for name, value in named.items() if value is not None}

    def score(self, name: str) -> float | None:
        """A metric's value; None where it is no single number."""
        value = self.row[name]
        score = number(value)
        if score is not None and abs(score) > LARGEST:
            score = math.copysign(math.inf, score)
        is_share = score is not None and 0 <= score <= 1
        if name in ACCURACIES and not is_share and not (isinstance(value, (list, dict)) or is_printed_list(value)):
            raise SampleValueError(f"{name} is {_short(value)}, expected a number from 0 to 1")
        return score

    @property
    def hashes(self) -> tuple[str, str, str]:
        """SHA-256 of the document, the prompt and the target, in hexadecimal."""
        return self.row["doc_hash"], self.row["prompt_hash"], self.row["target_hash"]

    @property
    def continuations(self) -> str | None:
        """A digest of the scored continuations, which stand in no hash of the harness; None where the log has none."""
        return continuations_digest(self.row)

    @property
    def failure(self) -> str | None:
        """The reason why a model server gave no answer; None where it gave one."""
        reason = self.row.get("failed")
        return "marked as failed" if reason is True else reason if isinstance(reason, str) else None


_shown = lru_cache(maxsize=1000)(one_line)  # the names of metrics, the same in every row


def write_extraction(extraction: Extraction) -> str:
    """The extraction as a line of JSON; `other` is written where there is one."""
    fields = {name: getattr(extraction, name) for name in EXTRACTION_FIELDS}
    return json.dumps(fields | ({"other": extraction.other} if extraction.other else {}), ensure_ascii=False)


def read_extraction(value: Any) -> Extraction | None:
    """The extraction in a logged value; None where another filter logged it. ValueError for a broken one."""
    if isinstance(value, str):
        try:
            if value.startswith('{"answer"'):
                value = loads(value)
            elif value.startswith("{'answer'"):
                value = ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(f"broken extraction {value[:40]!r} ({type(error).__name__})") from error
    if not (isinstance(value, dict) and {"answer", "status"} <= value.keys()):
        return None
    span = value.get("span")
    return Extraction(
        value["answer"], value["status"], value.get("rule"), tuple(span) if span else None, value.get("other")
    )


def read_answer(value: Any) -> Any:
    """The answer in a filtered response; None where none could be read."""
    extraction = read_extraction(value)
    if extraction is not None:
        return extraction.answer
    return None if str(value).strip() in NO_ANSWER else value


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:60]


def _each(requests: Any) -> list[Any]:
    """The responses of all requests in one list; the harness logs a list for each request."""
    if is_printed_list(requests):
        return printed_pairs(requests)
    if not isinstance(requests, list):
        raise ValueError(f"resps is not a list but {_short(requests)}")
    return [item for request in requests for item in (request if isinstance(request, list) else [request])]


def read_rows(path: Path, *, failed: bool = False, broken: Callable[[str], object] | None = None) -> Iterator[Sample]:
    """The samples of a log, in the order of its lines.

    Samples to which a model server gave no answer are left out unless `failed`. A line that is no JSON object is passed
    to `broken` as `path:line: reason`; without `broken` it raises DatasetError, as does a file that cannot be read.
    """
    complete = Completion(path)
    for line, _, text in numbered_lines(path):
        try:
            row = with_document(loads(text))
        except (ValueError, RecursionError) as error:
            reason = (
                f"not UTF-8 ({error.reason})" if isinstance(error, UnicodeDecodeError) else f"broken line ({error})"
            )
            if broken is None:
                raise DatasetError(f"{path}:{line}: {reason}; was the run cut off? Run it again") from error
            broken(f"{path}:{line}: {reason}")
            continue
        if not isinstance(row, dict):
            reason = f"a row is {_short(row)}, expected an object"
            if broken is None:
                raise DatasetError(f"{path}:{line}: {reason}; run the task again with --log_samples")
            broken(f"{path}:{line}: {reason}")
            continue
        sample = Sample(complete(row), line)
        if failed or sample.failure is None:
            yield sample


def parse_rows(path: Path, parse: Callable[[Sample], T], kind: str, *, failed: bool = False) -> Iterator[T]:
    """`parse` of every sample of a log; DatasetError names the line that is not a sample of `kind`."""
    for sample in read_rows(path, failed=failed):
        try:
            yield parse(sample)
        except SampleValueError as error:
            raise DatasetError(f"{path}:{sample.line}: {error}; correct the row, or run the task again") from error
        except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise DatasetError(
                f"{path}:{sample.line}: not a sample of {kind} ({reason}); run the task again"
            ) from error


class RowIndex:
    """Random access to the samples of a log by (filter, doc_id); only one of them is in memory at a time."""

    def __init__(self, path: Path) -> None:
        self.offsets: dict[tuple[str, int], tuple[int, int]] = {}
        self.path = seekable(path, self)  # a packed log would be unpacked anew each time
        complete = Completion(path)
        try:
            for line, offset, text in numbered_lines(self.path):
                sample = Sample(complete(loads(text)), line)
                self.offsets[sample.filter, sample.doc_id] = (line, offset)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{path}: cannot be read again ({error}); was it changed?") from error

    def __getitem__(self, key: tuple[str, int]) -> Sample:
        line, offset = self.offsets[key]
        with opened(self.path) as stream:  # not kept open: a report has hundreds of logs
            stream.seek(offset)
            return Sample({"filter": key[0], **with_document(loads(stream.readline()))}, line)
