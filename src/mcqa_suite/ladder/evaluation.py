"""Evaluate a rung, asked as the base is, or as the entry of the recipe says."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mcqa_suite import __version__
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.files import read_text
from mcqa_suite.common.manifest import (
    Manifest,
    Parent,
    TaskData,
    complete_folder,
    content_hash,
    hardware,
    read_manifest,
    versions,
    write_manifest,
)
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.harness.task_formats import formats_of
from mcqa_suite.harness.tasks import listed
from mcqa_suite.ladder.changes import without_files
from mcqa_suite.ladder.context import Expected, LadderContext
from mcqa_suite.ladder.questions import Questions
from mcqa_suite.ladder.recipe import Recipe, evaluated
from mcqa_suite.ladder.stages import template_of
from mcqa_suite.ladder.steps import RungResult, Step, StepResult

# With other versions of these an evaluation is kept, and the run says so.
LIBRARIES = ("lm_eval", "torch", "transformers", "datasets")


def evaluate(context: LadderContext, step: Step, rung: RungResult, questions: Questions) -> StepResult:
    """The rung with its evaluation: the existing one if nothing that it depends on changed, else a new one."""
    folder = context.output / "evaluations" / rung.name
    expected = expected_evaluation(context.recipe, rung, questions)
    status = context.update(folder, expected, lambda: _run(context, step, rung, folder, expected))
    record = json.loads(read_text(folder / "rung.json"))
    result = StepResult(dataclasses.replace(rung, evaluation=folder, record=record), status)
    if status != "unchanged":
        return result
    manifest, now = read_manifest(folder), {task.entry for task in expected.tasks or ()}
    if unseen := sorted({task.entry for task in manifest.tasks or ()} - now):
        number = list(evaluated(context.recipe, rung.name))[unseen[0]]
        status += f", but the data of evaluate[{number}] cannot be loaded now"
    return dataclasses.replace(result, status=status, other_versions=other_versions(manifest))


def expected_evaluation(recipe: Recipe, rung: RungResult, questions: Questions) -> Expected:
    """All that the evaluation of a rung depends on."""
    entries = evaluated(recipe, rung.name)
    plan = recorded_plan(plan_of(template_of(rung), entries.values()))
    settings = {"plan": plan, "seed": recipe.seed, "dtype": recipe.dtype, "batch_size": recipe.batch_size}
    parent, places = Parent(rung.name, rung.manifest.content), list(entries)
    tasks = [dataclasses.replace(t, entry=places.index(t.entry)) for t in questions.tasks if t.entry in entries]
    return Expected("evaluation", rung.name, parent, settings, questions.models, tuple(tasks))


def recorded_plan(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A plan as the manifest has it, without names of files and without `apply_chat_template: false`."""
    return without_files([{key: value for key, value in entry.items() if value is not False} for entry in plan])


def other_versions(manifest: Manifest) -> str:
    """The libraries that the manifest names with another version than is installed: "torch 2.9.0 -> 2.10.0"."""
    before = {"mcqa_suite": manifest.mcqa_suite, **manifest.versions}
    now = {"mcqa_suite": __version__, **versions(*LIBRARIES)}
    names = [name for name in now if name in before and name != "python" and before[name] != now[name]]
    return ", ".join(f"{name} {before[name]} -> {now[name]}" for name in names)


def plan_of(chat: ChatTemplate, entries: Iterable[Evaluation]) -> list[dict[str, Any]]:
    """The entries without empty keys, each with `apply_chat_template`: as it says, else as the base is asked (`chat`).

    That is one value where all tasks of the entry are asked in one way, else one for each of their formats.
    """
    plan, configs = [], listed()
    for entry in entries:
        ways = (entry.apply_chat_template or ChatTemplate()).over(chat).among(formats_of(entry.tasks, configs))
        fields = dataclasses.asdict(dataclasses.replace(entry, rungs=None))
        settings = {key: value for key, value in fields.items() if value not in (None, False)}
        plan.append(settings | {"apply_chat_template": ways.as_json() or False})
    return plan


def _run(context: LadderContext, step: Step, rung: RungResult, folder: Path, expected: Expected) -> None:
    recipe, start = context.recipe, time.perf_counter()
    plan = plan_of(template_of(rung), evaluated(recipe, rung.name).values())
    with complete_folder(folder) as partial:
        request: dict[str, Any] = {"checkpoint": str(rung.checkpoint), "output": str(partial), "plan": plan}
        request |= {"dtype": recipe.dtype, "batch_size": recipe.batch_size, "seed": recipe.seed}
        request |= {"base": str(rung.adapter_base)} if rung.adapter_base else {}
        context.run_evaluation(request, step)
        record = json.loads(read_text(partial / "rung.json"))
        manifest = Manifest(
            kind=expected.kind,
            name=expected.name,
            parent=expected.parent,
            settings=expected.settings,
            data=expected.data,
            tasks=tuple(TaskData(**task) for task in record["tasks"]),  # what it read, which may have changed since
            content=content_hash(partial),
            seed=recipe.seed,
            hardware=hardware(record.get("gpu"), record["processes"]),
            seconds=time.perf_counter() - start,
            versions=versions(*LIBRARIES),
            tokens_per_second=record["tokens_per_second"],
            metrics={"peak_memory_mb": record["peak_memory_mb"], "skipped": record["skipped"]},
            chat_template=rung.manifest.chat_template,
        )
        write_manifest(partial, manifest)
