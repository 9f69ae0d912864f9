"""Log-likelihoods and generated tokens of earlier runs on disk, so that a rerun, or a run after a crash, computes nothing twice.

The key is the model (content of its files, dtype, and everything else that its numbers depend on) and the request as token
ids: two models never share an entry, and a changed prompt or tokenizer never finds an old one. A file that fails during a run,
as on a full disk, is logged once and no longer used; it never fails the run.
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
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcqa_suite.common.errors import ConfigError, McqaError
from mcqa_suite.common.manifest import content_hash

log = logging.getLogger(__name__)
VARIABLE = "MCQA_CACHE"
ON = {"1", "on", "true", "yes"}
OFF = {"", "0", "off", "false", "no", "none"}
TABLES = (
    "CREATE TABLE IF NOT EXISTS loglikelihoods (key BLOB PRIMARY KEY, value REAL, greedy INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS generations (key BLOB PRIMARY KEY, tokens BLOB)",
)
LOCK_SECONDS = 60  # to wait for another process
KEYS_PER_QUERY = 500  # sqlite allows 999 parameters in its oldest versions
# Arguments of a model that change no log-likelihood of given tokens, or whose effect is in `identity` itself.
NOT_IN_KEY = {"batch_size", "max_batch_size", "device", "tokenizer", "max_length", "truncation", "logits_cache", "peft"}
NOT_IN_KEY |= {
    "delta",
    "dtype",
    "softmax_dtype",
    "add_bos_token",
    "prefix_token_id",
    "enable_thinking",
    "think_end_token",
}

Answer = tuple[float, bool]


def default_path() -> Path:
    """A file in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "mcqa-suite" / "loglikelihoods.sqlite"


def switch_on() -> None:
    """Set MCQA_CACHE to the default file, unless it is set already."""
    os.environ.setdefault(VARIABLE, str(default_path()))


def cache_path(setting: object = None) -> Path | None:
    """The file to use, or None for no cache. `setting`: on, off, a boolean or a file; None follows MCQA_CACHE.

    ConfigError for anything else.
    """
    variable = os.environ.get(VARIABLE, "")
    if isinstance(setting, bool):
        setting = "on" if setting else "off"
    text = variable if setting is None else setting
    if not isinstance(text, str):
        raise ConfigError(f"cache={text!r}: expected on, off or the name of a file")
    if text.strip().lower() in ON:
        text = str(default_path()) if variable.strip().lower() in ON | OFF else variable
    return None if text.strip().lower() in OFF else Path(text).expanduser()


def open_cache(path: Path | None, lm: Any) -> LoglikCache | None:
    """The cache of a model; None without a path, and, with a warning, where the model cannot be told from others."""
    if path is None:
        return None
    try:
        return LoglikCache(path, identity(lm))
    except McqaError as error:
        log.warning("log-likelihoods are not kept: %s", error)
        return None


def identity(lm: Any) -> dict[str, object]:
    """Everything besides the tokens that a log-likelihood depends on; ConfigError if some of it is unknown."""
    sources = {
        "weights": lm.pretrained,
        **{name: part for name in ("peft", "delta") if (part := getattr(lm, name, None))},
    }
    contents = {name: _content(source, lm if name == "weights" else None) for name, source in sources.items()}
    if None in contents.values() or _brings_code(lm.model):
        raise ConfigError("the content of the model's files is not known")
    return {
        **contents,
        "dtype": str(lm.model.dtype),
        "autocast": str(lm.mixed_precision_dtype),
        "softmax": str(lm.softmax_dtype),
        "attention": getattr(lm.model.config, "_attn_implementation", None),
        "backend": "prefix tree" if lm.shares else "stock hf",
        "quantisation": _quantisation(lm.model),
        "settings": {name: value for name, value in lm.settings.items() if name not in NOT_IN_KEY},
        "device": lm.device.type,
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }


def _content(source: Any, lm: Any) -> str | None:
    """The content hash of a folder, or the commit that a name on the hub was resolved to."""
    if not isinstance(source, str):
        return None
    if Path(source).is_dir():
        return content_hash(Path(source))
    commit = getattr(lm.model.config, "_commit_hash", None) if lm else None
    return f"{source}@{commit}" if commit else None


def _brings_code(model: Any) -> bool:
    """Whether the checkpoint's own code computes the numbers; a content hash covers weights and settings alone."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return type(inner).__module__.startswith("transformers_modules")


def _quantisation(model: Any) -> str | None:
    """The settings as loaded, kernel included: the same files give other numbers with another kernel."""
    config = getattr(model.config, "quantization_config", None)
    if config is None:
        return None
    return str(sorted((config if isinstance(config, dict) else config.to_dict()).items(), key=str))


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

    def batch_key(self, defaults: bytes, request: bytes, seed: int | None, row: int) -> bytes:
        """Of one row of a batch that is generated; `seed` is that of the draws, None for greedy text."""
        return hashlib.sha256(self._model + defaults + request + f"{seed} {row}".encode()).digest()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Answer]:
        """The log-likelihoods in the file."""
        rows = self._select("SELECT key, value, greedy FROM loglikelihoods WHERE key IN", keys)
        answers = {key: (value, bool(greedy)) for key, value, greedy in rows}
        self.hits += sum(key in answers for key in keys)
        return answers

    def add(self, answers: Iterable[tuple[bytes, float, bool]]) -> None:
        """Write log-likelihoods in one transaction: a crash leaves all of it or nothing."""
        rows = [(key, value, int(greedy)) for key, value, greedy in answers]
        self._insert("INSERT OR REPLACE INTO loglikelihoods VALUES (?, ?, ?)", rows)

    def find_tokens(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.int32]]:
        """The generated tokens in the file."""
        rows = self._select("SELECT key, tokens FROM generations WHERE key IN", keys)
        generated = {key: np.frombuffer(tokens, dtype="<i4") for key, tokens in rows}
        self.generation_hits += sum(key in generated for key in keys)
        return generated

    def add_tokens(self, generated: Iterable[tuple[bytes, NDArray[np.int32]]]) -> None:
        """Write generated tokens in one transaction."""
        rows = [(key, tokens.astype("<i4").tobytes()) for key, tokens in generated]
        self._insert("INSERT OR REPLACE INTO generations VALUES (?, ?)", rows)

    def _select(self, query: str, keys: Sequence[bytes]) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(keys), KEYS_PER_QUERY):
            part = keys[start : start + KEYS_PER_QUERY]
            with self._logged_once():
                rows += self._file.execute(f"{query} ({','.join('?' * len(part))})", part).fetchall()
        return rows

    def _insert(self, statement: str, rows: list[Any]) -> None:
        if self._failed:
            return
        with self._logged_once(), self._file:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany(statement, rows)

    @contextmanager
    def _logged_once(self) -> Iterator[None]:
        """A failure of the file is logged once; from then on nothing more is written."""
        try:
            yield
        except sqlite3.Error as error:
            if not self._failed:
                log.warning("%s: %s; answers are no longer kept, and the run goes on", self.path, error)
            self._failed = True

    def close(self) -> None:
        self._file.close()


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
    until = time.monotonic() + LOCK_SECONDS
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
