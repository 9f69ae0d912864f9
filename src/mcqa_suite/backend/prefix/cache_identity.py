"""Which model a cached log-likelihood, or a cached generation, belongs to."""

from __future__ import annotations

import hashlib
import json
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mcqa_suite.backend.loglik_cache import LoglikCache, wanted_path
from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.manifest import content_hash

log = logging.getLogger(__name__)
# Arguments that change no log-likelihood of given tokens, or that are in the key by what they lead to.
HARMLESS = {
    "batch_size",
    "max_batch_size",
    "device",
    "tokenizer",
    "max_length",
    "truncation",
    "logits_cache",
    "peft",
    "delta",
}
HARMLESS |= {"dtype", "softmax_dtype", "add_bos_token", "prefix_token_id", "enable_thinking", "think_end_token"}


def open_cache(lm: Any, told: str | None, content: str | None) -> LoglikCache | None:
    """The cache of this model; None where none is wanted, or the model cannot be told from others (said once)."""
    if (path := wanted_path(told)) is None:
        return None
    try:
        model = identity(lm, content)
        return LoglikCache(path, model) if model else None
    except McqaError as error:
        log.warning("log-likelihoods are not kept: %s", error)
        return None


def identity(lm: Any, content: str | None = None) -> dict[str, object] | None:
    """Everything that a log-likelihood depends on besides the tokens; None if it cannot be known."""
    weights = None if _brings_code(lm.model) else _content(content or lm.pretrained, lm)
    parts = {name: _content(told, None) for name in ("peft", "delta") if (told := getattr(lm, name, None))}
    if weights is None or None in parts.values():
        log.warning("log-likelihoods are not kept: the content of the model's files is not known")
        return None
    return {
        "weights": weights,
        **parts,
        "dtype": str(lm.model.dtype),
        "autocast": str(lm.mixed_precision_dtype),
        "softmax": str(lm.softmax_dtype),
        "attention": getattr(lm.model.config, "_attn_implementation", None),
        "backend": "prefix tree" if lm.shares else "stock hf",
        "quantisation": _quantisation(lm.model),
        "settings": {name: value for name, value in lm.settings.items() if name not in HARMLESS},
        "device": lm.device.type,
        "versions": {name: version(name) for name in ("torch", "transformers")},
    }


def generation_identity(lm: Any) -> bytes:
    """What generated tokens depend on besides `identity` and the request: the model's own defaults, and how stops are read."""
    if (known := getattr(lm, "_generation_identity", None)) is None:
        defaults = json.dumps(lm.model.generation_config.to_dict(), sort_keys=True, default=str)
        vocabulary = json.dumps(sorted(lm.tokenizer.get_vocab().items()))
        known = lm._generation_identity = hashlib.sha256(f"{defaults} {vocabulary}".encode()).digest()
    return bytes(known)


def _brings_code(model: Any) -> bool:
    """Whether the checkpoint's own code computes the numbers: a content hash is over weights and settings alone."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return type(inner).__module__.startswith("transformers_modules")


def _quantisation(model: Any) -> str | None:
    """As it was loaded, kernel included: the same files give other numbers by another kernel."""
    told = getattr(model.config, "quantization_config", None)
    return None if told is None else str(sorted((told if isinstance(told, dict) else told.to_dict()).items(), key=str))


def _content(source: Any, lm: Any) -> str | None:
    """The content hash of a folder, or the commit that a name on the hub was resolved to."""
    if not isinstance(source, str):
        return None
    if Path(source).is_dir():
        return content_hash(Path(source))
    commit = getattr(lm.model.config, "_commit_hash", None) if lm else None
    return f"{source}@{commit}" if commit else None
