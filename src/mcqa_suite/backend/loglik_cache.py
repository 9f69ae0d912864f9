"""Log-likelihoods and generated tokens of earlier runs on disk, so that a rerun, or a run after a crash, computes nothing twice.

The key is the model (content of its files, dtype, and everything else that its numbers depend on) and the request as token
ids: two models never share an entry, and a changed prompt or tokenizer never finds an old one. Each row has a checksum: a row
that is not as it was written counts as missing. A file that fails during a run, as on a full disk, is logged once and no longer
used; it never fails the run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mcqa_suite.common.checkpoints import verified_content
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.locks import lock_of

log = logging.getLogger(__name__)
VARIABLE = "MCQA_CACHE"
ON = {"1", "on", "true", "yes"}
OFF = {"", "0", "off", "false", "no", "none"}
SECONDS = 60.0  # to wait for another process that uses the file
CREATE = "CREATE TABLE checked_answers (key BLOB PRIMARY KEY, answer BLOB, checksum BLOB) WITHOUT ROWID"
FIND = "SELECT answer, checksum FROM checked_answers WHERE key = ?"
ADD = "INSERT OR REPLACE INTO checked_answers VALUES (?, ?, ?)"
# The rows of versions before checksums: a log-likelihood with whether it is greedy, or rows of token ids.
TAKE_OVER = """
INSERT INTO checked_answers SELECT key, CAST(answer AS BLOB), checksum(key, CAST(answer AS BLOB)) FROM answers
WHERE typeof(key) = 'blob' AND CASE WHEN typeof(answer) = 'text' AND json_valid(answer) THEN
    json_type(answer, '$[0]') = 'array' OR json_type(answer, '$[0]') = 'real' AND json_type(answer, '$[1]') IN ('true', 'false')
    END ORDER BY key
"""
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


def switch_on() -> None:
    """Set MCQA_CACHE to the default file, unless it is set already."""
    os.environ.setdefault(VARIABLE, "on")


def cache_path(setting: object = None) -> Path | None:
    """The file to use, or None for no cache. `setting`: on, off, a boolean or a file; None follows MCQA_CACHE.

    "on" is the file that MCQA_CACHE names, else one in the user's cache folder. ConfigError for anything else.
    """
    if isinstance(setting, bool):
        setting = "on" if setting else "off"
    variable = os.environ.get(VARIABLE, "")
    text = variable if setting is None else setting
    if not isinstance(text, str):
        raise ConfigError(f"cache={text!r}: expected on, off or the name of a file")
    if text.strip().lower() in OFF:
        return None
    if text.strip().lower() not in ON:
        return _in_a_folder(text)
    if variable.strip().lower() not in ON | OFF:
        return _in_a_folder(variable)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcqa-suite" / "loglikelihoods.sqlite"


def _in_a_folder(name: str) -> Path:
    """The path of a file that was named; ConfigError where its folder is not there: none is made that nobody asked for."""
    path = Path(name).expanduser()
    if not path.parent.is_dir():
        raise ConfigError(
            f"cache {name!r}: no folder {path.parent}; make it, or name another file (on, off: without a name)"
        )
    return path


def identity(lm: Any) -> dict[str, object]:
    """Everything besides the tokens that an answer depends on; ConfigError if some of it is unknown."""
    model, contents = lm.model, lm.contents
    # A content hash covers weights and settings, not code that comes with the checkpoint.
    own_code = type(model.get_base_model() if hasattr(model, "get_base_model") else model).__module__
    if None in contents.values() or own_code.startswith("transformers_modules"):
        raise ConfigError("the content of the model's files is not known")
    # As loaded, kernel included: the same files give other numbers with another kernel.
    quantisation = getattr(model.config, "quantization_config", None)
    if quantisation is not None and not isinstance(quantisation, dict):
        quantisation = quantisation.to_dict()
    return {
        **contents,
        "dtype": str(model.dtype),
        "autocast": str(lm.mixed_precision_dtype),
        "softmax": str(lm.softmax_dtype),
        "attention": getattr(model.config, "_attn_implementation", None),
        "backend": "prefix tree" if lm.shares else "stock hf",
        "quantisation": quantisation and sorted(map(str, quantisation.items())),
        "settings": {name: value for name, value in lm.settings.items() if name not in NOT_IN_KEY},
        "device": lm.device.type,
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "generation": str(getattr(model, "generation_config", None)),
        "vocabulary": sorted(lm.tokenizer.get_vocab().items()),  # by which stop strings are read
    }


def contents_of(lm: Any) -> dict[str, str | None]:
    """The content of the weights, and of an adapter or delta on them; None for what is not known."""
    contents = {name: _content(source) for name, source in (("peft", lm.peft), ("delta", lm.delta)) if source}
    return contents | {"weights": _content(lm.pretrained, getattr(lm.model.config, "_commit_hash", None))}


def _content(source: Any, commit: str | None = None) -> str | None:
    """The content hash of a folder, or the commit that the name of a model on the hub was resolved to."""
    if isinstance(source, str) and Path(source).is_dir():
        return verified_content(Path(source))
    return f"{source}@{commit}" if isinstance(source, str) and commit else None


def checksum(key: bytes, answer: bytes) -> bytes:
    """Of a row: eight bytes of BLAKE2b."""
    return hashlib.blake2b(key + answer, digest_size=8).digest()


class LoglikCache:
    """Answers of one model in a file that other models, and other processes at the same time, use too.

    `model`: all that tells this model's numbers from another's. ConfigError if the file cannot be used.
    """

    def __init__(self, path: Path, model: Mapping[str, object]) -> None:
        self.path, self.damaged = path, 0
        self._reads = self._writes = True
        self._model = hashlib.sha256(json.dumps(model, sort_keys=True).encode()).digest()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not path.is_file():
                raise OSError("not a regular file")
            # sqlite does not wait while another process changes the journal's mode
            with lock_of(path).acquire(timeout=SECONDS):
                self._file = sqlite3.connect(path, timeout=SECONDS)
                self._file.execute("PRAGMA journal_mode=WAL")
                self._file.execute("PRAGMA synchronous=NORMAL")  # a power cut loses the last answers, never the file
                create_table(self._file)
                self._file.text_factory = bytes  # what is damaged may not be UTF-8
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{path}: {error}; name another file in {VARIABLE}, or set {VARIABLE}=off") from error

    def key(self, *request: bytes) -> bytes:
        """The key of a request that these parts, each of any length, identify."""
        digest = hashlib.sha256(self._model)
        for part in request:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """The answers in the file, as `add` was given them (tuples are lists), without damaged ones."""
        answers = {}
        try:
            for key in keys if self._reads else ():
                row = self._file.execute(FIND, (key,)).fetchone()
                if row and isinstance(row[0], bytes) and row[1] == checksum(key, row[0]):
                    answers[key] = json.loads(row[0])
                elif row:
                    self._log_damage()
        except sqlite3.Error as error:
            self._reads = False
            self._log_failure(error)
        return answers

    def add(self, answers: Iterable[tuple[bytes, Any]]) -> None:
        """Write JSON values in one transaction: a crash leaves all of it or nothing."""
        if not self._writes:
            return
        rows = [(key, json.dumps(answer).encode()) for key, answer in answers]
        try:
            with self._file:
                self._file.executemany(ADD, [(key, answer, checksum(key, answer)) for key, answer in rows])
        except sqlite3.Error as error:
            self._log_failure(error)

    def _log_damage(self) -> None:
        if not self.damaged:
            log.warning("%s: holds answers that are not as they were written; they are computed again", self.path)
        self.damaged += 1

    def _log_failure(self, error: sqlite3.Error) -> None:
        """Log the first failure of the file; from then on nothing more is written."""
        if self._writes:
            log.warning("%s: %s; answers are no longer kept, and the run goes on", self.path, error)
        self._writes = False


def create_table(file: sqlite3.Connection) -> None:
    """Create the table where the file has none, with the rows that earlier versions wrote into one without checksums."""
    tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    if "checked_answers" in tables:
        return
    file.execute("BEGIN IMMEDIATE")
    file.execute(CREATE)
    if "answers" in tables:
        file.create_function("checksum", 2, checksum, deterministic=True)
        file.execute(TAKE_OVER)
    file.execute("COMMIT")
