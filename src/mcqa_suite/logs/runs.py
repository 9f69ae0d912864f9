"""The only reader of what the harness wrote: `results_*.json` with its `samples_*.jsonl`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.common.errors import CheckpointError, DatasetError
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.logs.files import load_results, results_files, samples_file
from mcqa_suite.logs.sample_values import METRICS
from mcqa_suite.logs.samples import Samples, best_letter, read_samples


@dataclass(frozen=True)
class Setting:
    """What has to agree before two runs of a task can be compared."""

    harness: str | None
    n_shot: int
    chat_template: str | None
    version: str | None
    generation: str = ""

    def differences(self, other: Setting) -> list[tuple[str, str, str]]:
        """(what, here, there) for everything that does not agree."""
        names = {
            "harness": "harness version",
            "n_shot": "few-shot count",
            "chat_template": "chat template",
            "version": "task version",
            "generation": "generation settings",
        }
        pairs = [(text, getattr(self, name), getattr(other, name)) for name, text in names.items()]
        return [(text, _short(here), _short(there)) for text, here, there in pairs if here != there]


@dataclass(frozen=True, eq=False)
class TaskRun:
    """One task's samples under one filter; `expected` is how many documents the results speak of."""

    task: str
    filter: str
    setting: Setting
    samples: Samples
    expected: int | None = None

    @property
    def n(self) -> int:
        return len(self.samples.doc_id)

    @property
    def failed_share(self) -> float:
        """Of the documents that were asked, those that got no answer from a server."""
        failed = len(self.samples.failed)
        return failed / (failed + self.n)

    @property
    def n_shot(self) -> int:
        return self.setting.n_shot

    @property
    def metrics(self) -> list[str]:
        """The accuracies that it has, in the order of METRICS."""
        return [metric for metric in METRICS if metric in self.samples.scores]

    @property
    def chance(self) -> float | None:
        """Expected accuracy of a blind guess; None where an answer is not one of a few options."""
        options = self.samples.options
        return float(np.mean(1 / options)) if options.min() > 0 else None

    @property
    def constant(self) -> tuple[str, float] | None:
        """The letter that is right most often, and how often; None where answers have no letters, or gold is unknown."""
        return best_letter(self.samples.gold) if self.chance is not None else None

    @property
    def unread(self) -> float | None:
        """Share of generated answers in which no answer could be read; None for log-likelihood tasks."""
        if "parsed" in self.samples.scores:
            return float(1 - self.samples.scores["parsed"].mean())
        return None if self.samples.answer is None else float((self.samples.answer == 0).mean())


@dataclass(frozen=True)
class Group:
    """A group of tasks; `values` holds the means that the harness gave it ("acc,none"), if it gave any."""

    name: str
    tasks: tuple[str, ...]
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Run:
    """One model's evaluation. `model` tells models apart; `problems` name what could not be read, a line each."""

    name: str
    path: Path
    model: str | None
    tasks: Mapping[tuple[str, str], TaskRun]
    groups: Mapping[str, Group] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    bits_per_weight: float | None = None
    size_mb: float | None = None
    tokens_per_second: float | None = None

    @property
    def by_task(self) -> dict[str, TaskRun]:
        """One filter a task: the first of each."""
        first: dict[str, TaskRun] = {}
        for (task, _filter), run in self.tasks.items():
            first.setdefault(task, run)
        return first


def read_run(folder: Path) -> dict[str, TaskRun]:
    """Every task below `folder`, by name; where a task was run more than once, its newest run.

    Raises DatasetError for a folder without results, for results without samples and for a broken samples line.
    """
    run = read_log(folder)
    if run.problems:
        raise DatasetError(run.problems[0])
    return run.by_task


def read_log(path: Path, *, name: str | None = None, cluster: str | None = None) -> Run:
    """One model's run: a results file, a folder of them (the newest wins), or FOLDER@STAMP for an older one by name.

    `cluster` names the field of the documents to keep. What cannot be read becomes a line of `problems`; DatasetError where
    nothing can be.
    """
    files = results_files(path)
    newest = load_results(files[-1])
    problems: list[str] = []
    tasks: dict[tuple[str, str], TaskRun] = {}
    groups: dict[str, Group] = {}
    seen: set[str] = set()
    for file in reversed(files):
        results = newest if file == files[-1] else load_results(file)
        if _model_name(results) != _model_name(newest):
            names = " and ".join(sorted({str(_model_name(results)), str(_model_name(newest))}))
            raise DatasetError(f"{path}: holds runs of several models ({names}); give the folder of one of them")
        if model_identity(results) != model_identity(newest):
            continue  # the same model under older settings
        for task in results["configs"]:
            if task not in seen:
                seen.add(task)
                try:
                    tasks |= _task_runs(file, results, task, cluster)
                except DatasetError as error:
                    problems.append(str(error))
        groups = _groups(results) | groups
    if not tasks:
        raise DatasetError(problems[0] if problems else f"{files[-1]}: holds no task; run lm_eval again")
    folder = path if path.is_dir() else files[-1].parent
    known = dict(zip(("bits_per_weight", "size_mb", "tokens_per_second"), _sizes(folder), strict=True))
    ordered = dict(sorted(tasks.items(), key=lambda item: item[0][0]))
    label = name or _label(folder)
    return Run(label, path, model_identity(newest), ordered, groups, tuple(problems), **known)


def _task_runs(path: Path, results: dict[str, Any], task: str, cluster: str | None) -> dict[tuple[str, str], TaskRun]:
    file = samples_file(path, task)
    if not file.exists():
        raise DatasetError(f"{path}: {file.name} is missing; run lm_eval with --log_samples")
    config = results["configs"][task]
    found = read_samples(
        file,
        multiple_choice=kind == "multiple_choice" if (kind := config.get("output_type")) else None,
        delimiter=config.get("target_delimiter", " "),
        field=cluster,
    )
    expected = results.get("n-samples", {}).get(task, {}).get("effective")
    setting = _setting(results, task, config)
    return {(task, name): TaskRun(task, name, setting, samples, expected) for name, samples in found.items()}


def _setting(results: dict[str, Any], task: str, config: dict[str, Any]) -> Setting:
    chat = [results.get(name) for name in ("chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn")]
    version = results.get("versions", {}).get(task)
    generation = config.get("generation_kwargs")
    return Setting(
        harness=results.get("lm_eval_version"),
        n_shot=int(results.get("n-shot", {}).get(task, config.get("num_fewshot")) or 0),
        chat_template=None if not any(chat) else json.dumps(chat),
        version=None if version is None else str(version),
        generation=json.dumps(generation, sort_keys=True) if generation else "",
    )


def _groups(results: dict[str, Any]) -> dict[str, Group]:
    members = {name: subtasks for name, subtasks in (results.get("group_subtasks") or {}).items() if subtasks}
    groups = {}
    for name in members:
        given = (results.get("groups") or {}).get(name) or results.get("results", {}).get(name) or {}
        values = {key: value for key, value in given.items() if isinstance(value, float) and "_stderr" not in key}
        groups[name] = Group(name, tuple(dict.fromkeys(_leaves(name, members))), values)
    return groups


def _leaves(name: str, members: Mapping[str, list[str]], above: tuple[str, ...] = ()) -> list[str]:
    """The tasks of a group, those of its groups among them; a group inside itself has none there."""
    if name in above:
        return []
    if name not in members:
        return [name]
    return [leaf for member in members[name] for leaf in _leaves(member, members, (*above, name))]


def _model_name(results: dict[str, Any]) -> str | None:
    return results.get("model_name") or (results.get("config") or {}).get("model")


def model_identity(results: dict[str, Any]) -> str | None:
    """What tells two models apart: name, arguments, commit and number of parameters; None where nothing is known."""
    config = results.get("config") or {}
    known = [
        _model_name(results),
        *(config.get(k) for k in ("model", "model_args", "model_sha", "model_num_parameters")),
    ]
    return json.dumps(known, sort_keys=True, default=str) if any(known) else None


def _label(folder: Path) -> str:
    try:
        return read_manifest(folder).name
    except CheckpointError:
        return Path(os.path.abspath(folder)).name  # a link keeps its own name


def _sizes(folder: Path) -> tuple[float | None, float | None, float | None]:
    """Bits per weight, size in 10^6 bytes and tokens per second, as far as manifests beside the run tell."""
    try:
        manifest = read_manifest(folder)
    except CheckpointError:
        return None, None, None
    size = manifest.size
    name = Path(manifest.name).name  # whatever path a manifest claims to be called
    checkpoint = folder.resolve().parent.parent / "checkpoints" / name
    if size is None and manifest.parent is not None:
        try:
            made = read_manifest(checkpoint)
            size = made.size if made.content == manifest.parent.content else None
        except CheckpointError:
            size = None
    bits, megabytes = (size.bits_per_weight, size.bytes_on_disk / 1e6) if size else (None, None)
    return bits, megabytes, manifest.tokens_per_second


def _short(value: Any) -> str:
    text = "none" if value in (None, "") else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
