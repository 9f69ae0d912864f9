"""A JSONL file that grows by whole rows, so that a killed command can resume."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import Timeout

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.jsonl import Row, parse_row
from mcqa_suite.common.locks import lock_of


class Journal:
    """The rows of an open file; `append` writes a row to the disk at once."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self.rows: list[Row] = []
        self._ends: list[int] = []
        self._read()

    def append(self, row: Row) -> None:
        self._file.write((json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
        self._file.flush()
        self.rows.append(row)
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
