"""Log-likelihoods of earlier runs on disk, so that a rerun, or a run after a crash, costs nothing.

The key is the model (content of its files, dtype, and everything else that its numbers depend on) and the request as token
ids; two models never share an entry, and a changed prompt or tokenizer never finds an old one.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.errors import ConfigError

VARIABLE = "MCQA_CACHE"
OFF = {"", "0", "off", "false", "no", "none"}
TABLE = "CREATE TABLE IF NOT EXISTS loglikelihoods (key BLOB PRIMARY KEY, value REAL, greedy INTEGER) WITHOUT ROWID"
PATIENCE = 60  # seconds to wait for another process
AT_A_TIME = 500  # keys of a query; sqlite allows 999 parameters in its oldest versions

Answer = tuple[float, bool]


def default_path() -> Path:
    """A file in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "mcqa-suite" / "loglikelihoods.sqlite"


def switch_on() -> None:
    """Commands keep log-likelihoods unless `MCQA_CACHE` says off; it may also name another file."""
    os.environ.setdefault(VARIABLE, str(default_path()))


def wanted_path(told: str | None = None) -> Path | None:
    """The file to use: `told`, else `$MCQA_CACHE`; None where neither is set, or it says off."""
    path = os.environ.get(VARIABLE, "") if told is None else told
    return None if path.strip().lower() in OFF else Path(path).expanduser()


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            file.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            # sqlite does not wait, whatever the timeout, while another process makes the same change of mode
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)
    file.execute("PRAGMA synchronous=NORMAL")  # a power cut loses the last answers, never the file
    file.execute(TABLE)
    return file


class LoglikCache:
    """Answers of one model in a file that other models, and other processes at the same time, use too."""

    def __init__(self, path: Path, model: Mapping[str, object]) -> None:
        """`model`: all that tells this model's numbers from another's; ConfigError if the file cannot be used."""
        self.path, self.hits = path, 0
        self._model = hashlib.sha256(json.dumps(model, sort_keys=True).encode()).digest()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _opened(path)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{path}: {error}; name another file in {VARIABLE}, or set {VARIABLE}=off") from error

    def key(self, row: NDArray[np.int64], targets: NDArray[np.int64]) -> bytes:
        """`row`: what the model reads; `targets`: the continuation, whose last token it does not read."""
        request = len(targets).to_bytes(8, "big") + row.astype(">i8").tobytes() + targets.astype(">i8").tobytes()
        return hashlib.sha256(self._model + request).digest()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The answers that are known."""
        found: dict[bytes, Answer] = {}
        for start in range(0, len(keys), AT_A_TIME):
            part = keys[start : start + AT_A_TIME]
            marks = ",".join("?" * len(part))
            rows = self._file.execute(
                f"SELECT key, value, greedy FROM loglikelihoods WHERE key IN ({marks})",  # noqa: S608 (marks alone)
                part,
            )
            found.update((key, (value, bool(greedy))) for key, value, greedy in rows)
        self.hits += sum(key in found for key in keys)
        return found

    def add(self, answers: Iterable[tuple[bytes, float, bool]]) -> None:
        """Keeps answers; one transaction, so that a crash leaves all of it or nothing."""
        with self._file:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany(
                "INSERT OR REPLACE INTO loglikelihoods VALUES (?, ?, ?)",
                [(key, value, int(greedy)) for key, value, greedy in answers],
            )

    def close(self) -> None:
        self._file.close()
