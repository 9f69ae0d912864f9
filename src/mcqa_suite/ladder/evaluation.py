"""One rung's evaluation: the harness in a process of its own, with the chat template that the rung was trained with."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import (
    Data,
    Manifest,
    Parent,
    complete_folder,
    content_hash,
    file_data,
    hardware,
    versions,
    write_manifest,
)
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.plan import Evaluation
from mcqa_suite.ladder.checkpoints import Expected, redo_reason
from mcqa_suite.ladder.context import Climb, Done, seconds
from mcqa_suite.ladder.graph import Step
from mcqa_suite.ladder.outputs import RungResult


def evaluate(climb: Climb, step: Step, rung: RungResult) -> Done:
    """The rung with its evaluation: the one that is there if nothing it rests on changed, else a new one."""
    recipe, said = climb.recipe, "unchanged"
    folder = climb.output / "evaluations" / rung.name
    plan = plan_of(rung, recipe.evaluate, str(recipe.path))
    settings = {"plan": _without_paths(plan), "dtype": recipe.dtype, "batch_size": recipe.batch_size}
    parent = Parent(rung.name, rung.manifest.content)
    wanted = Expected("evaluation", rung.name, parent, settings, question_files(recipe.evaluate))
    reason = "asked to" if rung.name in climb.redo else redo_reason(folder, wanted)
    if reason is not None:
        start = time.perf_counter()
        _run(climb, step, rung, plan, folder, wanted)
        said = seconds(start, reason)
    kept = json.loads((folder / "rung.json").read_text(encoding="utf-8"))
    return Done(dataclasses.replace(rung, evaluation=folder, record=kept), said)


def plan_of(rung: RungResult, entries: tuple[Evaluation, ...], where: str) -> list[dict[str, Any]]:
    """What the harness is asked for: the entries, each with the chat template that the rung's manifest records."""
    chat = bool(rung.manifest.chat_template)
    for number, entry in enumerate(entries):
        if entry.apply_chat_template not in (None, chat):
            asked = str(entry.apply_chat_template).lower()
            raise ConfigError(
                f"{where}: evaluate[{number}]: apply_chat_template: {asked}, but {rung.name} was made "
                f"{'with' if chat else 'without'} its chat template; take the key out and evaluation follows each rung"
            )
    followed = [dataclasses.asdict(dataclasses.replace(entry, apply_chat_template=chat)) for entry in entries]
    return [{key: value for key, value in entry.items() if value not in (None, False)} for entry in followed]


def _run(climb: Climb, step: Step, rung: RungResult, plan: Any, folder: Path, wanted: Expected) -> None:
    recipe = climb.recipe
    start = time.perf_counter()
    with complete_folder(folder) as partial:
        command = [
            "-m",
            "mcqa_suite.evaluation.evaluate_checkpoint",
            "--checkpoint",
            str(rung.checkpoint),
            "--output",
            str(partial),
        ]
        command += ["--plan", json.dumps(plan), "--dtype", recipe.dtype]
        command += ["--batch_size", str(recipe.batch_size), "--seed", str(recipe.seed)]
        if rung.adapter_base:
            command += ["--base", str(rung.adapter_base)]
        climb.execute_step(command, step)
        kept = json.loads((partial / "rung.json").read_text(encoding="utf-8"))
        manifest = Manifest(
            **dataclasses.asdict(wanted) | {"parent": wanted.parent, "data": wanted.data},
            content=content_hash(partial),
            seed=recipe.seed,
            hardware=hardware(kept.get("gpu"), kept["processes"]),
            seconds=time.perf_counter() - start,
            versions=versions("lm_eval", "torch", "transformers"),
            tokens_per_second=kept["tokens_per_second"],
            metrics={"peak_memory_mb": kept["peak_memory_mb"], "skipped": kept["skipped"]},
            chat_template=rung.manifest.chat_template,
        )
        write_manifest(partial, manifest)


def question_files(entries: tuple[Evaluation, ...]) -> tuple[Data, ...]:
    """The task YAMLs, and the user's own question files: a change in any makes an evaluation stale."""
    files = [Path((entry.metadata or {})["epfl_file"]) for entry in entries if "epfl_file" in (entry.metadata or {})]
    for path in files:
        if not path.is_file():
            raise DatasetError(f"{path}: no such file; mend epfl_file in the recipe")
    tasks = sorted(path for path in tasks_dir().rglob("*") if path.suffix in (".yaml", ".jsonl"))
    return (file_data("tasks", tasks), *(file_data(path.name, [path]) for path in files))


def _without_paths(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = json.loads(json.dumps(plan))
    for entry in plain:
        if "epfl_file" in entry.get("metadata", {}):
            entry["metadata"]["epfl_file"] = Path(entry["metadata"]["epfl_file"]).name
    return plain
