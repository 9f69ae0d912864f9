"""Evaluate a rung with the chat template that it was trained with."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from mcqa_suite.common.checkpoints import use_chat_template
from mcqa_suite.common.errors import DatasetError
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
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.ladder.context import Expected, LadderContext
from mcqa_suite.ladder.steps import RungResult, Step, StepResult


def evaluate(context: LadderContext, step: Step, rung: RungResult) -> StepResult:
    """The rung with its evaluation: the existing one if nothing that it depends on changed, else a new one."""
    recipe, folder = context.recipe, context.output / "evaluations" / rung.name
    plan = plan_of(rung, recipe.evaluate, str(recipe.path))
    settings = {"plan": _without_paths(plan), "dtype": recipe.dtype, "batch_size": recipe.batch_size}
    parent = Parent(rung.name, rung.manifest.content)
    expected = Expected("evaluation", rung.name, parent, settings, question_files(recipe.evaluate))
    status = context.update(folder, expected, lambda: _run(context, step, rung, plan, folder, expected))
    record = json.loads((folder / "rung.json").read_text(encoding="utf-8"))
    return StepResult(dataclasses.replace(rung, evaluation=folder, record=record), status)


def plan_of(rung: RungResult, entries: tuple[Evaluation, ...], where: str) -> list[dict[str, Any]]:
    """The entries without empty keys, each with the chat template that the rung's manifest records."""
    trained, plan = bool(rung.manifest.chat_template), []
    for number, entry in enumerate(entries):
        key = f"{where}: evaluate[{number}]: apply_chat_template"
        chat = use_chat_template(rung.name, entry.apply_chat_template, trained, key=key)
        settings = dataclasses.asdict(dataclasses.replace(entry, apply_chat_template=chat))
        plan.append({key: value for key, value in settings.items() if value not in (None, False)})
    return plan


def _run(context: LadderContext, step: Step, rung: RungResult, plan: Any, folder: Path, expected: Expected) -> None:
    recipe, start = context.recipe, time.perf_counter()
    with complete_folder(folder) as partial:
        request = {"checkpoint": str(rung.checkpoint), "output": str(partial), "plan": plan, "dtype": recipe.dtype}
        request |= {"batch_size": recipe.batch_size, "seed": recipe.seed}
        request |= {"base": str(rung.adapter_base)} if rung.adapter_base else {}
        context.run_evaluation(request, step)
        record = json.loads((partial / "rung.json").read_text(encoding="utf-8"))
        manifest = Manifest(
            **{field.name: getattr(expected, field.name) for field in dataclasses.fields(expected)},
            content=content_hash(partial),
            seed=recipe.seed,
            hardware=hardware(record.get("gpu"), record["processes"]),
            seconds=time.perf_counter() - start,
            versions=versions("lm_eval", "torch", "transformers"),
            tokens_per_second=record["tokens_per_second"],
            metrics={"peak_memory_mb": record["peak_memory_mb"], "skipped": record["skipped"]},
            chat_template=rung.manifest.chat_template,
        )
        write_manifest(partial, manifest)


def question_files(entries: tuple[Evaluation, ...]) -> tuple[Data, ...]:
    """Fingerprints of the task YAMLs and of the user's question files; an evaluation is redone when one changes."""
    files = [Path((entry.metadata or {})["epfl_file"]) for entry in entries if "epfl_file" in (entry.metadata or {})]
    for path in files:
        if not path.is_file():
            raise DatasetError(f"{path}: no such file; fix epfl_file in the recipe")
    tasks = sorted(path for path in tasks_dir().rglob("*") if path.suffix in (".yaml", ".jsonl"))
    return (file_data("tasks", tasks), *(file_data(path.name, [path]) for path in files))


def _without_paths(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = json.loads(json.dumps(plan))
    for entry in plain:
        if "epfl_file" in entry.get("metadata", {}):
            entry["metadata"]["epfl_file"] = Path(entry["metadata"]["epfl_file"]).name
    return plain
