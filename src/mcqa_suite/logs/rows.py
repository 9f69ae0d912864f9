"""The lines of a `samples_*.jsonl`, one document under one filter each; no other module opens these files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.extraction_format import read as read_extraction

T = TypeVar("T")
# What the harness's own regex filters return where nothing matched.
NO_ANSWER = ("", "[invalid]", "[no answer]")


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of a sample log, counted from 1, and its JSON.

    A property raises KeyError, TypeError or ValueError where the row lacks the value.
    """

    row: Mapping[str, Any]
    line: int = 0

    @property
    def doc_id(self) -> int:
        return int(self.row["doc_id"])

    @property
    def doc(self) -> dict[str, Any]:
        """The document's columns; none where it is no mapping."""
        doc = self.row["doc"]
        return doc if isinstance(doc, dict) else {}

    @property
    def filter(self) -> str:
        return str(self.row["filter"])

    @property
    def target(self) -> Any:
        """`str(doc_to_target(doc))`, as the harness logs it."""
        return self.row["target"]

    @property
    def context(self) -> str:
        """The prompt of the first request, "" where the log has none."""
        try:
            arguments = self.row["arguments"]
            return str(arguments["gen_args_0"]["arg_0"] if isinstance(arguments, dict) else arguments[0][0])
        except (KeyError, IndexError, TypeError):
            return ""

    @property
    def responses(self) -> list[Any]:
        """Every response of every request: texts, or [log-likelihood, is_greedy] pairs under log-likelihood requests."""
        return _each(self.row["resps"])

    @property
    def filtered(self) -> list[Any]:
        """What the filter made of the responses."""
        return _each(self.row["filtered_resps"])

    @property
    def answers(self) -> list[Any]:
        """The answer of each generated response: None where none was read."""
        return [read_answer(value) for value in self.filtered]

    @property
    def loglikelihoods(self) -> list[float]:
        """The options' log-likelihoods under a multiple-choice task."""
        return [float(pair[0]) for pair in self.row["filtered_resps"]]

    @property
    def metrics(self) -> list[str]:
        """The names under `metrics`; logs of older harnesses have none."""
        names = self.row.get("metrics")
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    @property
    def scores(self) -> dict[str, float]:
        """The metrics whose value in this row is a number."""
        return {n: float(v) for n in self.metrics if isinstance(v := self.row.get(n), (int, float))}

    @property
    def hashes(self) -> tuple[str, str, str]:
        """Of the document, the prompt and the target, hexadecimal SHA-256."""
        return self.row["doc_hash"], self.row["prompt_hash"], self.row["target_hash"]

    @property
    def failure(self) -> str | None:
        """Why a model server gave no answer; None where it did."""
        reason = self.row.get("failed") if isinstance(self.row, dict) else None
        return reason if isinstance(reason, str) else None


def read_answer(value: Any) -> Any:
    """The answer in a filtered response; None where nothing was read."""
    extraction = read_extraction(value)
    if extraction is not None:
        return extraction.answer
    return None if str(value).strip() in NO_ANSWER else value


def _each(requests: Any) -> list[Any]:
    """The harness logs a list of responses for each request: all of them in one list."""
    if not isinstance(requests, list):
        raise TypeError("resps is no list")
    return [item for request in requests for item in (request if isinstance(request, list) else [request])]


def read_rows(path: Path, *, failed: bool = False, broken: Callable[[str], object] | None = None) -> Iterator[Sample]:
    """The samples of a log, in the order of its lines.

    A sample without an answer (`failure`) is left out unless `failed` asks for it. A line that is no JSON object is passed
    to `broken` as `path:line: reason`; without `broken` it raises DatasetError, as does a file that cannot be read.
    """
    for line, _, text in _lines(path):
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = (
                f"not UTF-8 ({error.reason})" if isinstance(error, UnicodeDecodeError) else f"broken line ({error})"
            )
            if broken is None:
                raise DatasetError(f"{path}:{line}: {reason}; was the run cut off? Run it again") from error
            broken(f"{path}:{line}: {reason}")
            continue
        sample = Sample(row, line)
        if failed or sample.failure is None:
            yield sample


def parse_rows(path: Path, parse: Callable[[Sample], T], kind: str) -> Iterator[T]:
    """`parse` of every sample of a log; DatasetError names the line that is not a sample of `kind`."""
    for sample in read_rows(path):
        try:
            yield parse(sample)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise not_a_sample(path, sample, error, kind) from error


def not_a_sample(path: Path, sample: Sample, error: Exception, kind: str) -> DatasetError:
    """The error for a row that is not a sample of `kind`, by the exception that reading it raised."""
    reason = f"no {error}" if isinstance(error, KeyError) else str(error)
    return DatasetError(f"{path}:{sample.line}: not a sample of {kind} ({reason}); run the task again")


class RowIndex:
    """Random access to the samples of a log by (filter, doc_id): one of them at a time is in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offsets: dict[tuple[str, int], tuple[int, int]] = {}
        try:
            for line, offset, text in _lines(path):
                sample = Sample(json.loads(text), line)
                self.offsets[sample.filter, sample.doc_id] = (line, offset)
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}: cannot be read again ({error}); was it changed?") from error

    def __getitem__(self, key: tuple[str, int]) -> Sample:
        line, offset = self.offsets[key]
        with self.path.open("rb") as stream:
            stream.seek(offset)
            return Sample(json.loads(stream.readline()), line)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset in bytes and content of each line that is not blank."""
    offset = 0
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, offset, line
                offset += len(line)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
