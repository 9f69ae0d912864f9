"""Which weights a run is of, as far as its results file records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcqa_suite.logs.same_run import model_name
from mcqa_suite.logs.settings import Difference, model_arguments

CONTENTS = ("content", "checkpoint")  # hashes of the weights, in the results file and in a manifest
# What a results file may not record: a value that one of two runs does not have is no difference.
RECORDED = ("commit", "parameters")
# The arguments of a model that choose or change its weights. The others, such as batch_size and dtype, do not.
ARGUMENTS = ("revision", "subfolder", "peft", "delta", "load_in_4bit", "load_in_8bit", "quantization", "gptqmodel")


def weights_of(results: Mapping[str, Any], checkpoint: str | None) -> dict[str, Any]:
    """What tells the weights of a results file from others; `checkpoint` is their hash in a manifest, if there is one."""
    config = results.get("config") or {}
    arguments = model_arguments(results)
    return {
        "content": config.get("model_content"),
        "checkpoint": checkpoint,
        "model": str(model_name(dict(results))).rstrip("/"),
        "commit": config.get("model_sha"),
        "parameters": config.get("model_num_parameters"),
        **{name: arguments.get(name) for name in ARGUMENTS},
    }


def other_weights(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[Difference]:
    """In what two runs are of other weights; where both have a hash of the weights, it decides alone."""
    hashed = [name for name in CONTENTS if ours.get(name) and theirs.get(name)]
    names = hashed[:1] or [name for name in ours if name not in CONTENTS]
    pairs = [(name, ours.get(name), theirs.get(name)) for name in names]
    pairs = [pair for pair in pairs if pair[0] not in RECORDED or None not in pair]
    return [(name, _short(own), _short(other)) for name, own, other in pairs if own != other]


def _short(value: Any) -> str:
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= 40 else f"...{text[-37:]}"
