"""How a task was asked, as its results file records it, and the one rule for which runs a table may subtract.

Runs of a task are subtracted only where they were asked in the same way: with equal settings, and with the same prompt for each
document. Other chat templates, system instructions or data that gave the same documents the same prompts made no difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from mcqa_suite.logs.files import samples_file
from mcqa_suite.logs.same_run import run_files

Settings = Mapping[str, Any]
Prompts = Mapping[Any, Any]  # document hash -> prompt hash
Difference = tuple[str, str, str]  # name of a setting, and the value of each run

CHAT_TEMPLATE, SHOTS, TURNS, DATA = "chat template", "few-shot count", "few-shot as turns", "data"
PROMPT_SETTINGS = (CHAT_TEMPLATE, "system instruction", TURNS)  # which change nothing but prompts
# The settings that different tasks of one family share, such as GSM8K and GSM-Symbolic.
BETWEEN_TASKS = (*PROMPT_SETTINGS, SHOTS)
ASKED_DIFFERENTLY = "asked differently"  # what a table shows in place of a difference


def settings_of(results: Mapping[str, Any], task: str) -> dict[str, Any]:
    """What two runs of a task must share to be comparable, from a results file."""
    config = results["configs"][task]
    version = results.get("versions", {}).get(task)
    generation = config.get("generation_kwargs")
    template = _digest(results.get("chat_template_sha"))
    return {
        "harness version": results.get("lm_eval_version"),
        SHOTS: results.get("n-shot", {}).get(task, config.get("num_fewshot")) or 0,
        CHAT_TEMPLATE: template,
        "system instruction": _digest(results.get("system_instruction_sha")),
        TURNS: bool(results.get("fewshot_as_multiturn")) if template else None,
        "task version": None if version is None else str(version),
        "generation settings": json.dumps(generation, sort_keys=True) if generation else "",
        DATA: _data(config.get("metadata") or {}),
    }


def _data(metadata: Mapping[str, Any]) -> str | None:
    """What the questions are: the hash of bundled ones, or "hub"; None for a task or a log that records neither."""
    digest = metadata.get("data_sha256")
    bundled = f"bundled {digest[:12]}" if isinstance(digest, str) else None
    return "hub" if bundled and metadata.get("data") == "hub" else bundled


def settings_by_task(path: Path) -> dict[str, dict[str, Any]]:
    """The settings of the newest sample log of each task of a run."""
    settings: dict[str, dict[str, Any]] = {}
    for file, results in run_files(path).files:
        for task in results["configs"]:
            if task not in settings and samples_file(file, task).exists():
                settings[task] = settings_of(results, task)
    return settings


def differences(ours: Settings, theirs: Settings, names: Collection[str] | None = None) -> list[Difference]:
    """Every setting (of `names`; None: of all) that does not agree."""
    pairs = [(name, value, theirs.get(name)) for name, value in ours.items() if names is None or name in names]
    # turns are a matter of the template, which is in a line of its own; data that a log does not record is not another
    pairs = [pair for pair in pairs if pair[0] not in (TURNS, DATA) or None not in pair]
    return [(name, _short(own), _short(other)) for name, own, other in pairs if own != other]


def asked_differently(
    ours: Settings, theirs: Settings, same_prompts: Callable[[], bool], names: Collection[str] | None = None
) -> list[Difference]:
    """The differences for which two runs are not subtracted; empty where they may be.

    `same_prompts` is called where it matters: whether the runs share documents, and all of them with the same prompts.
    """
    pairs = differences(ours, theirs, names)
    both = None not in (ours.get(CHAT_TEMPLATE), theirs.get(CHAT_TEMPLATE))  # having one also changes the options' text
    excused = (*PROMPT_SETTINGS, DATA) if both else (DATA,)
    if any(name in excused for name, _, _ in pairs) and same_prompts():
        return [pair for pair in pairs if pair[0] not in excused]
    return pairs


class Asked(Protocol):
    """A task of a run, whoever read its rows."""

    @property
    def settings(self) -> Settings: ...

    @property
    def prompts(self) -> Prompts: ...


def refusal(first: Asked, second: Asked, ours: str, theirs: str, names: Collection[str] | None = None) -> str:
    """In what `ours` and `theirs` were asked differently, prompts included; "" where they may be subtracted."""
    common = first.prompts.keys() & second.prompts.keys()
    other = sum(first.prompts[doc] != second.prompts[doc] for doc in common)
    pairs = asked_differently(first.settings, second.settings, lambda: bool(common) and not other, names)
    if other and not pairs:
        return f"prompts: other ones for {other} of {len(common)} documents ({ours}, {theirs})"
    return difference_words(pairs, ours, theirs)


def have_same_prompts(ours: Prompts, theirs: Prompts) -> bool:
    """Whether the two have documents in common, and every one of these has the same prompt."""
    common = ours.keys() & theirs.keys()
    return bool(common) and all(ours[doc] == theirs[doc] for doc in common)


def difference_words(pairs: Collection[Difference], ours: str, theirs: str) -> str:
    """chat template: none (base), 0f3a (gptq8); few-shot count: 0 (base), 5 (gptq8)"""
    return "; ".join(f"{name}: {own} ({ours}), {other} ({theirs})" for name, own, other in pairs)


def _digest(sha: Any) -> str | None:
    return str(sha)[:12] if sha else None


def _short(value: Any) -> str:
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
