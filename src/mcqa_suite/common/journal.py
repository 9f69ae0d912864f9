"""A JSONL file that grows by whole rows, so that a killed command goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from filelock import Timeout

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.locks import lock_of

Row = dict[str, Any]


class Journal:
    """The rows of an open file: read once, then appended to, each written out at once."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.rows: list[Row] = []
        self._ends: list[int] = []
        self._read()

    def append(self, row: Row) -> None:
        """Adds a row and hands it to the operating system."""
        self._file.write((json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
        self._file.flush()
        self.rows.append(row)
        self._ends.append(self._file.tell())

    def undo(self) -> Row:
        """Takes the last row away, from the file too."""
        self._ends.pop()
        self._file.truncate(self._ends[-1] if self._ends else 0)
        self._file.seek(0, os.SEEK_END)
        return self.rows.pop()

    def _read(self) -> None:
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):  # the command was killed while it wrote this row
                self._file.truncate(end)
                break
            end += len(line)
            if line.strip():
                self.rows.append(parsed(line, f"{self.path}:{number}"))
                self._ends.append(end)
        self._file.seek(0, os.SEEK_END)


@contextmanager
def journal(path: Path) -> Iterator[Journal]:
    """Open or create a file for one writer; ConfigError where it cannot be written or another command writes it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_of(path).acquire(blocking=False)
        file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")  # noqa: SIM115 - closed below
    except Timeout as error:
        raise ConfigError(f"{path}: another command is writing it; wait for it or choose another --output") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another --output") from error
    with lock, file:
        yield Journal(path, file)


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSONL file, less a last one that was cut off; DatasetError names a line that cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; give a JSONL file") from error
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not content.endswith(b"\n") and len(lines) > 1 and not _is_json(lines[-1]):
        lines = lines[:-1]
    rows = [parsed(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise DatasetError(f"{path}: no rows; expected one JSON object a line")
    return rows


def parsed(line: bytes, where: str) -> Row:
    """The object in a line."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: not JSON ({error}); mend or remove the line") from error
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: expected a JSON object, found {type(row).__name__}")
    return row


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
