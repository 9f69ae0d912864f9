"""How a task was asked and scored, as its results file records it: the settings that two runs must share.

`logs.agreement` decides by them which runs are subtracted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

NO_FILTER = "none"  # the harness's name where a task has no filter
Settings = Mapping[str, Any]
Difference = tuple[str, str, str]  # name of a setting, and the value of each run

CHAT_TEMPLATE, SHOTS, TURNS, DATA = "chat template", "few-shot count", "few-shot as turns", "data"
DELIMITER, FILTER, DTYPE, LENGTH = "target delimiter", "filter", "dtype", "maximum length"
SOLVER = "solver"  # of Inspect: its steps from a question to a response
PROMPT_SETTINGS = (CHAT_TEMPLATE, "system instruction", TURNS)  # which change nothing but prompts
# The settings that different tasks of one family share, such as GSM8K and GSM-Symbolic.
BETWEEN_TASKS = (*PROMPT_SETTINGS, SHOTS)
# What a log may not record: a setting that one of two runs does not have is no difference.
RECORDED = (TURNS, DATA, DELIMITER, FILTER, DTYPE, LENGTH, SOLVER)
ASKED_DIFFERENTLY = "asked differently"  # what a table shows in place of a difference
ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of a function that the harness logs as text


def settings_of(results: Mapping[str, Any], task: str, filter_name: str = NO_FILTER) -> dict[str, Any]:
    """What two runs of a task under one filter must share to be comparable, from a results file."""
    config = results["configs"][task]
    arguments = model_arguments(results)
    version = results.get("versions", {}).get(task)
    generation = config.get("generation_kwargs")
    template = _digest(results.get("chat_template_sha"))
    return {
        "harness version": results.get("lm_eval_version") or results.get("inspect_ai_version"),
        SHOTS: results.get("n-shot", {}).get(task, config.get("num_fewshot")) or 0,
        CHAT_TEMPLATE: template,
        "system instruction": _digest(results.get("system_instruction_sha")),
        TURNS: bool(results.get("fewshot_as_multiturn")) if template else None,
        "task version": None if version is None else f"{version}.0" if type(version) is int else str(version),
        "generation settings": json.dumps(generation, sort_keys=True) if generation else "",
        "repeats": config.get("repeats") or 1,
        SOLVER: json.dumps(config["solver"], sort_keys=True) if "solver" in config else None,
        FILTER: _filter(config.get("filter_list"), filter_name),
        DELIMITER: _delimiter(config),
        LENGTH: str(results.get("max_length") or arguments.get("max_length") or "") or None,
        DTYPE: _dtype((results.get("config") or {}).get("model_dtype") or arguments.get("dtype")),
        DATA: config.get("inspect_data") or _data(config.get("metadata") or {}),
    }


def model_arguments(results: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a model, which the harness logs as a mapping or as `name=value,name=value`."""
    value = (results.get("config") or {}).get("model_args")
    if isinstance(value, dict):
        return value
    return dict(part.split("=", 1) for part in str(value or "").split(",") if "=" in part)


def _dtype(name: Any) -> str | None:
    """`torch.float32` as `float32`; None where the model chose."""
    text = str(name or "auto").removeprefix("torch.")
    return None if text == "auto" else text


def _delimiter(config: Mapping[str, Any]) -> str | None:
    """What stands before a scored continuation; None for generated answers, and where the log does not say it."""
    value = config.get("target_delimiter")
    return json.dumps(value) if config.get("output_type") != "generate_until" and isinstance(value, str) else None


def _filter(definitions: Any, name: str) -> str | None:
    """The steps of a filter; None for a task that defines none."""
    parts = [part for part in definitions if isinstance(part, dict)] if isinstance(definitions, list) else []
    steps = next((part.get("filter") for part in parts if part.get("name") == name), None)
    return None if steps is None else ADDRESS.sub("", json.dumps(steps, sort_keys=True, default=str))


def _data(metadata: Mapping[str, Any]) -> str | None:
    """What the questions are: the hash of bundled ones, or "hub"; None for a task or a log that records neither."""
    digest = metadata.get("data_sha256")
    bundled = f"bundled {digest[:12]}" if isinstance(digest, str) else None
    return "hub" if bundled and metadata.get("data") == "hub" else bundled


def differences(ours: Settings, theirs: Settings, names: Collection[str] | None = None) -> list[Difference]:
    """Every setting (of `names`; None: of all) that does not agree."""
    pairs = [(name, value, theirs.get(name)) for name, value in ours.items() if names is None or name in names]
    pairs = [pair for pair in pairs if pair[0] not in RECORDED or None not in pair]
    return [(name, *_shortened(_text(own), _text(other))) for name, own, other in pairs if own != other]


def difference_words(pairs: Collection[Difference], ours: str, theirs: str) -> str:
    """chat template: none (base), 0f3a (gptq8); few-shot count: 0 (base), 5 (gptq8)"""
    return "; ".join(f"{name}: {own} ({ours}), {other} ({theirs})" for name, own, other in pairs)


def _digest(sha: Any) -> str | None:
    return str(sha)[:12] if sha else None


def _text(value: Any) -> str:
    return "none" if value in (None, "") else str(value)


def _shortened(own: str, other: str, most: int = 60) -> tuple[str, str]:
    """Both texts, where they are long from a little before the place where they differ."""
    if max(len(own), len(other)) <= most:
        return own, other
    same = next((i for i, (a, b) in enumerate(zip(own, other, strict=False)) if a != b), min(len(own), len(other)))
    start = max(0, same - most // 3)
    return _cut(own, start, start + most), _cut(other, start, start + most)


def _cut(text: str, start: int, end: int) -> str:
    return f"{'...' * (start > 0)}{text[start:end]}{'...' * (len(text) > end)}"
