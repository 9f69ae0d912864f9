"""Checkpoints: the base is found, every other rung is made by its stage's script, or kept where it is what was asked for."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import yaml

from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import (
    Data,
    Manifest,
    Parent,
    checkpoint_size,
    content_hash,
    hardware,
    read_manifest,
    write_manifest,
)
from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.checkpoints import BASE_KIND, Expected, base_checkpoint, redo_reason
from mcqa_suite.ladder.context import Climb, Done, seconds
from mcqa_suite.ladder.graph import Step
from mcqa_suite.ladder.outputs import RungResult
from mcqa_suite.ladder.recipe import BASE, Stage
from mcqa_suite.ladder.stage_settings import TRAINED, record

SCRIPTS = {
    "sft": "sft.py",
    "dpo": "dpo.py",
    "orpo": "orpo.py",
    "reward": "reward.py",
    "gptq": "gptq.py",
    "bnb": "bnb.py",
    "merge": "merge.py",
}


def find(climb: Climb) -> RungResult:
    """Finds the base, on the hub if need be, and records it."""
    start = time.perf_counter()
    recipe = climb.recipe
    checkpoint = base_checkpoint(recipe)
    chat = recipe.chat_template
    manifest = Manifest(
        kind=BASE_KIND,
        name=BASE,
        parent=None,
        settings={"base": recipe.base if not Path(recipe.base).is_absolute() else checkpoint.name},
        content=content_hash(checkpoint),
        seed=recipe.seed,
        hardware=hardware(),
        seconds=time.perf_counter() - start,
        size=checkpoint_size(checkpoint),
        chat_template=has_chat_template(checkpoint) if chat is None else chat,
    )
    folder = climb.output / "checkpoints" / BASE
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, manifest)
    return RungResult(BASE, checkpoint, manifest, None, None)


def make(climb: Climb, step: Step, stage: Stage, parent: RungResult, data: tuple[Data, ...]) -> Done:
    """The rung of a stage: the one that is there if it is what the recipe asks for, else a new one."""
    folder, said = climb.output / "checkpoints" / stage.name, "unchanged"
    wanted = Expected(
        stage.kind, stage.name, Parent(parent.name, parent.manifest.content), record(stage.settings), data
    )
    reason = "asked to" if stage.name in climb.redo else _why_redo(climb, folder, wanted)
    if reason is not None:
        script, config = str(training_dir() / SCRIPTS[stage.kind]), str(_written(climb, stage))
        command = [script, "--config", config, "--parent", str(parent.checkpoint), "--output", str(folder)]
        if parent.adapter_base:
            command += ["--parent-base", str(parent.adapter_base)]
        start = time.perf_counter()
        climb.execute_step(command, step)
        said = seconds(start, reason)
    manifest = read_manifest(folder)
    return Done(
        RungResult(stage.name, folder, manifest, None, None, parent.checkpoint if manifest.adapter else None), said
    )


def _why_redo(climb: Climb, folder: Path, wanted: Expected) -> str | None:
    """`redo_reason`, and for another number of processes, whose batches are others."""
    reason, now = redo_reason(folder, wanted), climb.recipe.processes
    if reason is None and wanted.kind in TRAINED and (before := read_manifest(folder).hardware.processes) != now:
        return f"processes: {before} -> {now}"
    return reason


def check_settings(climb: Climb) -> None:
    """Has each kind's script read the settings of stages that are not made yet, so that a typo shows before the first trains.

    The very first of them is left out: it is about to be read anyway.
    """
    new = [stage for stage in climb.recipe.stages if not _made_with(climb, stage)][1:]
    for kind in dict.fromkeys(stage.kind for stage in new if stage.kind in TRAINED):
        files = [str(_written(climb, stage)) for stage in new if stage.kind == kind]
        command = [str(training_dir() / SCRIPTS[kind]), "--check", *files]
        threads = climb.recipe.threads
        climb.execute(command, f"{kind} (settings)", f"{kind}.settings.log", f"{kind} settings", threads)


def _made_with(climb: Climb, stage: Stage) -> bool:
    try:
        there = read_manifest(climb.output / "checkpoints" / stage.name)
    except CheckpointError:
        return False
    return bool(there.settings == json.loads(json.dumps(record(stage.settings))))


def _written(climb: Climb, stage: Stage) -> Path:
    """The stage's settings as a file for its script."""
    config = climb.output / "configs" / f"{stage.name}.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    plain = json.loads(json.dumps(dataclasses.asdict(stage.settings)))
    config.write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return config


def has_chat_template(checkpoint: Path) -> bool:
    """Whether a checkpoint's tokenizer brings a chat template, in a file of its own or in its config."""
    if (checkpoint / "chat_template.jinja").is_file():
        return True
    try:
        config = json.loads((checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(config.get("chat_template"))
