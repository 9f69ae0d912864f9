"""JSONL files, one JSON object a line, and journals: JSONL files that grow by whole rows, so that a killed command can resume."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import Timeout

from mcqa_suite.common.errors import ConfigError, DatasetError, MissingDataError
from mcqa_suite.common.files import check_regular, opened, read_bytes
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.locks import lock_of
from mcqa_suite.common.masking import mask_of_secrets

Row = dict[str, Any]
BOM = b"\xef\xbb\xbf"


def numbered_lines(path: Path, expected: str = "a JSONL file") -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line) without blank lines and byte order mark.

    DatasetError where the file cannot be read (MissingDataError: it does not exist); `expected` says which file to give.
    """
    try:
        with opened(path) as lines:
            for number, line in enumerate(lines, start=1):
                line = line.removeprefix(BOM) if number == 1 else line
                if line.strip():
                    yield number, line
    except OSError as error:
        kind = MissingDataError if isinstance(error, FileNotFoundError) else DatasetError
        raise kind(f"{path}: {error.strerror}; give {expected}") from error


def parse_json(line: bytes, where: str) -> Any:
    """The JSON value in UTF-8 text; DatasetError names `where`, a file or file:line."""
    try:
        return loads(line.decode("utf-8"), _unique)
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where}: not UTF-8; save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: not valid JSON ({error}); correct or remove the line") from error


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    """A JSON object; ValueError for a key with two values, of which Python would silently take the last."""
    row = dict(pairs)
    if len(row) < len(pairs):
        for key, value in pairs:
            if row[key] != value:
                raise ValueError(f"key {key!r} comes twice with different values")
    return row


def parse_row(line: bytes, where: str) -> Row:
    """The JSON object in a line of UTF-8 text; DatasetError names `where`, file:line."""
    row = parse_json(line, where)
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: expected a JSON object, found {type(row).__name__}; correct or remove the line")
    return row


def numbered_rows(path: Path, expected: str = "a JSONL file", *, growing: bool = False) -> Iterator[tuple[int, Row]]:
    """Yield (line number, object); DatasetError for a line that is not an object, and for a file without rows.

    `growing`: another command appends to the file, so an incomplete last line after others is skipped.
    """
    empty = True
    for number, line in numbered_lines(path, expected):
        try:
            row = parse_row(line, f"{path}:{number}")
        except DatasetError:
            if growing and not empty and not line.endswith(b"\n"):
                return
            raise
        empty = False
        yield number, row
    if empty:
        raise DatasetError(f"{path}: no rows; expected one JSON object a line")


def numbered_items(path: Path, expected: str = "a JSON or JSONL file") -> Iterator[tuple[int, Row]]:
    """`numbered_rows` of a JSONL file, or the objects of a JSON list, counted from 1."""
    first = next(numbered_lines(path, expected), (1, b""))[1]
    if not first.lstrip().startswith(b"["):
        yield from numbered_rows(path, expected)
        return
    items = parse_json(read_bytes(path).removeprefix(BOM), str(path))
    if not items:
        raise DatasetError(f"{path}: no rows; expected a list of JSON objects")
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise DatasetError(f"{path}:{number}: expected a JSON object, found {type(item).__name__}; correct it")
        yield number, item


class Journal:
    """The rows of an open file; `append` writes a row to the disk at once."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.rows: list[Row] = []
        self._ends: list[int] = []
        self._read()

    def append(self, row: Row) -> None:
        text = mask_of_secrets()(json.dumps(row, ensure_ascii=False))
        self._file.write(f"{text}\n".encode("utf-8", "backslashreplace"))
        self._file.flush()
        self.rows.append(json.loads(text))
        self._ends.append(self._file.tell())

    def undo(self) -> Row:
        """Remove the last row, from the file too, and return it."""
        self._ends.pop()
        self._file.truncate(self._ends[-1] if self._ends else 0)
        self._file.seek(0, os.SEEK_END)
        return self.rows.pop()

    def _read(self) -> None:
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):  # the previous command was killed while it wrote this row
                self._file.truncate(end)
                break
            end += len(line)
            if line.strip():
                self.rows.append(parse_row(line, f"{self.path}:{number}"))
                self._ends.append(end)
        self._file.seek(0, os.SEEK_END)


@contextmanager
def journal(path: Path, **columns: type) -> Iterator[Journal]:
    """Open or create a file for one writer, whose rows have `columns` of these types; without a row no new file stays.

    ConfigError where it cannot be written, another command writes it, or it has rows of something else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_regular(path)
        lock = lock_of(path).acquire(blocking=False)
        new = not path.exists()
        file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")  # noqa: SIM115 - closed below
    except Timeout as error:
        raise ConfigError(f"{path}: another command is writing it; wait for it or choose another --output") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another --output") from error
    with lock, file:
        rows = Journal(path, file)
        for number, row in enumerate(rows.rows, start=1):
            if wrong := [name for name, kind in columns.items() if not isinstance(row.get(name), kind)]:
                raise ConfigError(f"{path}: row {number} has no {wrong[0]!r} of this command; choose another --output")
        try:
            yield rows
        finally:
            if new and not rows.rows:
                path.unlink(missing_ok=True)
