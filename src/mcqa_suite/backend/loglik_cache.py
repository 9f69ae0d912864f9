"""Log-likelihoods and generated tokens of earlier runs on disk, so that a rerun, or a run after a crash, costs nothing.

The key is the model (content of its files, dtype, and everything else that its numbers depend on) and the request as token
ids; two models never share an entry, and a changed prompt or tokenizer never finds an old one. A file that fails in the middle
of a run, as on a full disk, is said once and left alone: it saves time and is never what a run fails for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import ConfigError

log = logging.getLogger(__name__)
VARIABLE = "MCQA_CACHE"
OFF = {"", "0", "off", "false", "no", "none"}
TABLES = (
    "CREATE TABLE IF NOT EXISTS loglikelihoods (key BLOB PRIMARY KEY, value REAL, greedy INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS generations (key BLOB PRIMARY KEY, tokens BLOB)",
)
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
    for table in TABLES:
        file.execute(table)
    return file


class LoglikCache:
    """Answers of one model in a file that other models, and other processes at the same time, use too."""

    def __init__(self, path: Path, model: Mapping[str, object]) -> None:
        """`model`: all that tells this model's numbers from another's; ConfigError if the file cannot be used."""
        self.path, self.hits, self.generation_hits = path, 0, 0
        self._failed = False
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

    def batch_key(self, defaults: bytes, asked: bytes, seed: int | None, row: int) -> bytes:
        """Of one row of a batch that is generated; `seed` is that of the draws, None for greedy text."""
        return hashlib.sha256(self._model + defaults + asked + f"{seed} {row}".encode()).digest()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The answers that are known."""
        rows = self._select("SELECT key, value, greedy FROM loglikelihoods WHERE key IN", keys)
        found = {key: (value, bool(greedy)) for key, value, greedy in rows}
        self.hits += sum(key in found for key in keys)
        return found

    def add(self, answers: Iterable[tuple[bytes, float, bool]]) -> None:
        """Keeps answers; one transaction, so that a crash leaves all of it or nothing."""
        rows = [(key, value, int(greedy)) for key, value, greedy in answers]
        self._insert("INSERT OR REPLACE INTO loglikelihoods VALUES (?, ?, ?)", rows)

    def find_tokens(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.int32]]:
        """The generated tokens that are known."""
        rows = self._select("SELECT key, tokens FROM generations WHERE key IN", keys)
        found = {key: np.frombuffer(tokens, dtype="<i4") for key, tokens in rows}
        self.generation_hits += sum(key in found for key in keys)
        return found

    def add_tokens(self, generated: Iterable[tuple[bytes, NDArray[np.int32]]]) -> None:
        """Keeps the generated tokens of documents; one transaction, as `add`."""
        rows = [(key, tokens.astype("<i4").tobytes()) for key, tokens in generated]
        self._insert("INSERT OR REPLACE INTO generations VALUES (?, ?)", rows)

    def _select(self, query: str, keys: Sequence[bytes]) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(keys), AT_A_TIME):
            part = keys[start : start + AT_A_TIME]
            with self._spared():
                rows += self._file.execute(f"{query} ({','.join('?' * len(part))})", part).fetchall()
        return rows

    def _insert(self, statement: str, rows: list[Any]) -> None:
        if self._failed:
            return
        with self._spared(), self._file:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany(statement, rows)

    @contextmanager
    def _spared(self) -> Iterator[None]:
        """A failure of the file within it is said once; from then on nothing more is kept."""
        try:
            yield
        except sqlite3.Error as error:
            if not self._failed:
                log.warning("%s: %s; answers are no longer kept, and the run goes on", self.path, error)
            self._failed = True

    def close(self) -> None:
        self._file.close()
