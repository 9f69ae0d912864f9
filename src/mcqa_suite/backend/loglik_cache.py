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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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


class LoglikCache:
    """Answers of one model in a file that other models, and other processes at the same time, use too.

    `model`: all that tells this model's numbers from another's. ConfigError if the file cannot be used.
    """

    def __init__(self, path: Path, model: Mapping[str, object]) -> None:
        self.path, self._failed = path, False
        self._model = hashlib.sha256(json.dumps(model, sort_keys=True).encode()).digest()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with lock_of(path):  # sqlite does not wait while another process changes the journal's mode
                self._file = sqlite3.connect(path, timeout=60)
                self._file.execute("PRAGMA journal_mode=WAL")
                self._file.execute("PRAGMA synchronous=NORMAL")  # a power cut loses the last answers, never the file
                self._file.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer TEXT)")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{path}: {error}; name another file in {VARIABLE}, or set {VARIABLE}=off") from error

    def key(self, *request: bytes) -> bytes:
        """The key of a request that these parts, each of any length, identify."""
        digest = hashlib.sha256(self._model)
        for part in request:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """The answers in the file, as `add` was given them (tuples are lists)."""
        answers = {}
        with self._logged_once():
            for key in keys:
                row = self._file.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
                if row:
                    answers[key] = json.loads(row[0])
        return answers

    def add(self, answers: Iterable[tuple[bytes, Any]]) -> None:
        """Write JSON values in one transaction: a crash leaves all of it or nothing."""
        if self._failed:
            return
        rows = [(key, json.dumps(answer)) for key, answer in answers]
        with self._logged_once(), self._file:
            self._file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)

    @contextmanager
    def _logged_once(self) -> Iterator[None]:
        """A failure of the file is logged once; from then on nothing more is written."""
        try:
            yield
        except sqlite3.Error as error:
            if not self._failed:
                log.warning("%s: %s; answers are no longer kept, and the run goes on", self.path, error)
            self._failed = True
