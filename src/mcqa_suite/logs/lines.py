"""The lines of a sample log in any of its forms, one JSON object a sample.

A log is JSONL, packed or not; a JSON list, as lm_eval 0.4.0 to 0.4.2 wrote it; the samples inside a results file; or a log of
Inspect, from which rows are made.
"""

from __future__ import annotations

import gzip
import json
import weakref
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import opened
from mcqa_suite.common.json_text import loads
from mcqa_suite.logs.files import PACKED, inside_of
from mcqa_suite.logs.inspect_logs import inspect_rows, is_inspect_log
from mcqa_suite.logs.results import load_json, samples_inside


def numbered_lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset in bytes and content of each line that is not blank; DatasetError for a file that cannot be read."""
    offset = 0
    try:
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                yield number, offset, line
            offset += len(line)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "cut off or not gzip; copy it again"
        raise DatasetError(f"{path}: cannot be read ({reason})") from error


def seekable(path: Path, owner: object) -> Path:
    """A file with the lines alone: the log, or a copy that goes when `owner` does."""
    if _is_plain(path):
        return path
    folder = mkdtemp(prefix="mcqa-log-")
    weakref.finalize(owner, rmtree, folder, ignore_errors=True)
    copy = Path(folder) / "log.jsonl"
    with copy.open("wb") as file:
        file.writelines(line for _, _, line in numbered_lines(path))
    return copy


def _lines(path: Path) -> Iterator[bytes]:
    if (inside := inside_of(path)) is not None:
        yield from _dumped(_samples(inside[0], inside[0].stat().st_mtime_ns).get(inside[1], []))
        return
    if is_inspect_log(path):
        yield from _dumped(inspect_rows(path))
        return
    if not path.is_file() and path.exists():
        raise DatasetError(
            f"{path}: not a regular file; put the samples there, or run the task again with --log_samples"
        )
    with opened(path) as file, gzip.GzipFile(fileobj=file) if path.suffix == PACKED else file as stream:
        rows = _json_list(stream.read()) if _starts_a_list(stream.peek(64)) else None
        if rows is None:
            stream.seek(0)
            yield from stream
        else:
            yield from _dumped(rows)


def _is_plain(path: Path) -> bool:
    if inside_of(path) is not None or path.suffix == PACKED or is_inspect_log(path):
        return False
    if not path.is_file():
        return True  # and `numbered_lines` says what it is
    with opened(path) as stream:
        return not _starts_a_list(stream.peek(64))


def _starts_a_list(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _json_list(text: bytes) -> list[Any] | None:
    """The rows of a JSON list; None for other text, whose lines are then named one by one."""
    try:
        rows = loads(text)
    except (ValueError, RecursionError):
        return None
    return rows if isinstance(rows, list) else None


def _dumped(rows: Iterable[Any]) -> Iterator[bytes]:
    return (json.dumps(row).encode() + b"\n" for row in rows)


@lru_cache(maxsize=1)  # the tasks of one results file are read one after another
def _samples(path: Path, changed: int) -> dict[str, list[Any]]:
    return samples_inside(load_json(path))
