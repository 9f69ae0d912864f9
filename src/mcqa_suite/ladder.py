"""Climbs a recipe: makes every rung from its parent and evaluates it, each in a process of its own.

    runs/demo/checkpoints/<rung>/   weights, tokenizer, manifest.json (of the base the manifest alone)
    runs/demo/evaluations/<rung>/   what the harness wrote, rung.json, manifest.json
    runs/demo/configs/, logs/       what each process was told, and said

A rung is evaluated as soon as it is made, so a mistake in the plan shows before the training. Run again, it makes only what
is not there as the recipe would have it now.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mcqa_suite import sources
from mcqa_suite.checkpoints import BASE_KIND, Wanted, find_base, why_redo
from mcqa_suite.errors import DatasetError, McqaError
from mcqa_suite.lock import locked
from mcqa_suite.manifest import (
    Data,
    Manifest,
    Parent,
    checkpoint_size,
    complete_folder,
    content_hash,
    file_data,
    hardware,
    read_manifest,
    versions,
    write_manifest,
)
from mcqa_suite.outcome import LadderResult, RungResult
from mcqa_suite.paths import tasks_dir, training_dir
from mcqa_suite.process import run_process
from mcqa_suite.recipe import BASE, Evaluation, Recipe, Stage, read_recipe
from mcqa_suite.settings import SftSettings, record

SCRIPTS = {"sft": "sft.py", "gptq": "gptq.py"}


@dataclass(frozen=True)
class _Climb:
    """What every step needs to know; `redo` names rungs to make again whatever is there, `lock` is handed to each stage."""

    recipe: Recipe
    output: Path
    redo: Collection[str]
    total: int
    lock: int

    def label(self, number: int, name: str, kind: str) -> str:
        width = max(len(BASE), *(len(stage.name) for stage in self.recipe.stages), 0)
        return f"[{number:{len(str(self.total))}}/{self.total}] {name:{width}}  {kind:8}"

    def execute(self, command: list[str], name: str, log: str, label: str) -> None:
        """Runs a stage's process; OMP_NUM_THREADS of the caller wins over the recipe's `threads`."""
        threads = os.environ.get("OMP_NUM_THREADS") or self.recipe.threads
        environment = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        run_process([sys.executable, *command], self.output / "logs" / log, name, label, environment, (self.lock,))


def run(recipe_path: Path, output: Path | None = None, *, redo: Collection[str] = ()) -> LadderResult:
    """Makes and evaluates every rung of a recipe; prints a line a step, and raises McqaError where one fails."""
    start = time.perf_counter()
    recipe = read_recipe(Path(recipe_path))
    # A missing file and a misspelled task show before anything runs.
    data = {stage.name: _rows(recipe, stage) for stage in recipe.stages}
    _check_plan(recipe)
    folder = (output or recipe.output).absolute()
    with locked(folder) as lock:
        total = (len(recipe.stages) + 1) * (2 if recipe.evaluate else 1)
        rungs = _climbed(_Climb(recipe, folder, redo, total, lock), data)
    return LadderResult(recipe, folder, rungs, time.perf_counter() - start)


def _climbed(climb: _Climb, data: dict[str, tuple[Data, ...]]) -> tuple[RungResult, ...]:
    steps = iter(range(1, climb.total + 1))
    done = [_evaluated(climb, steps, _base(climb, next(steps)))]
    for stage in climb.recipe.stages:
        parent = next(rung for rung in done if rung.name == stage.parent)
        made = _made(climb, next(steps), stage, parent, data[stage.name])
        done.append(_evaluated(climb, steps, made))
    return tuple(done)


def _rows(recipe: Recipe, stage: Stage) -> tuple[Data, ...]:
    settings = stage.settings
    try:
        return sources.read(settings.data if isinstance(settings, SftSettings) else settings.calibration)[1]
    except McqaError as error:
        raise type(error)(f"{recipe.path}: stage {stage.name}: {error}") from error


def _check_plan(recipe: Recipe) -> None:
    if not recipe.evaluate:
        return
    from mcqa_suite.harness.tasks import check_names, manager

    known = manager().all_tasks
    for number, entry in enumerate(recipe.evaluate):
        try:
            check_names(entry.tasks, known)
        except McqaError as error:
            raise type(error)(f"{recipe.path}: evaluate[{number}]: {error}") from error
    _question_files(recipe.evaluate)


def _base(climb: _Climb, number: int) -> RungResult:
    """Finds the base, on the hub if need be, and records it."""
    start = time.perf_counter()
    checkpoint = find_base(climb.recipe)
    manifest = Manifest(
        kind=BASE_KIND,
        name=BASE,
        parent=None,
        settings={"base": climb.recipe.base if not Path(climb.recipe.base).is_absolute() else checkpoint.name},
        content=content_hash(checkpoint),
        seed=climb.recipe.seed,
        hardware=hardware(),
        seconds=time.perf_counter() - start,
        size=checkpoint_size(checkpoint),
    )
    folder = climb.output / "checkpoints" / BASE
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, manifest)
    _say(climb.label(number, BASE, BASE_KIND), f"{manifest.settings['base']}")
    return RungResult(BASE, checkpoint, manifest, None, None)


def _made(climb: _Climb, number: int, stage: Stage, parent: RungResult, data: tuple[Data, ...]) -> RungResult:
    """The rung of a stage: the one that is there if it is what the recipe asks for, else a new one."""
    folder = climb.output / "checkpoints" / stage.name
    label = climb.label(number, stage.name, stage.kind)
    wanted = Wanted(stage.kind, stage.name, Parent(parent.name, parent.manifest.content), record(stage.settings), data)
    reason = "asked to" if stage.name in climb.redo else why_redo(folder, wanted)
    if reason is not None:
        config = climb.output / "configs" / f"{stage.name}.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        plain = json.loads(json.dumps(dataclasses.asdict(stage.settings)))
        config.write_text(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), encoding="utf-8")
        script = training_dir() / SCRIPTS[stage.kind]
        command = [str(script), "--config", str(config), "--parent", str(parent.checkpoint), "--output", str(folder)]
        start = time.perf_counter()
        climb.execute(command, stage.name, f"{stage.name}.log", label)
        _say(label, _seconds(start, reason))
    else:
        _say(label, "unchanged")
    return RungResult(stage.name, folder, read_manifest(folder), None, None)


def _evaluated(climb: _Climb, steps: Any, rung: RungResult) -> RungResult:
    """The rung with its evaluation: the one that is there if nothing it rests on changed, else a new one."""
    recipe = climb.recipe
    if not recipe.evaluate:
        return rung
    label = climb.label(next(steps), rung.name, "evaluate")
    folder = climb.output / "evaluations" / rung.name
    plan = [{k: v for k, v in dataclasses.asdict(entry).items() if v not in (None, False)} for entry in recipe.evaluate]
    settings = {"plan": _without_paths(plan), "dtype": recipe.dtype, "batch_size": recipe.batch_size}
    parent = Parent(rung.name, rung.manifest.content)
    wanted = Wanted("evaluation", rung.name, parent, settings, _question_files(recipe.evaluate))
    reason = "asked to" if rung.name in climb.redo else why_redo(folder, wanted)
    if reason is not None:
        start = time.perf_counter()
        _evaluate(climb, rung, plan, folder, wanted, label)
        _say(label, _seconds(start, reason))
    else:
        _say(label, "unchanged")
    kept = json.loads((folder / "rung.json").read_text(encoding="utf-8"))
    for skipped in kept["skipped"]:
        print(f"    skipped: {skipped['reason']}", flush=True)
    return dataclasses.replace(rung, evaluation=folder, record=kept)


def _evaluate(climb: _Climb, rung: RungResult, plan: Any, folder: Path, wanted: Wanted, label: str) -> None:
    recipe = climb.recipe
    start = time.perf_counter()
    with complete_folder(folder) as partial:
        command = ["-m", "mcqa_suite.harness.rung", "--checkpoint", str(rung.checkpoint), "--output", str(partial)]
        command += ["--plan", json.dumps(plan), "--dtype", recipe.dtype]
        command += ["--batch_size", str(recipe.batch_size), "--seed", str(recipe.seed)]
        climb.execute(command, f"{rung.name} (evaluation)", f"{rung.name}.evaluation.log", label)
        kept = json.loads((partial / "rung.json").read_text(encoding="utf-8"))
        manifest = Manifest(
            **dataclasses.asdict(wanted) | {"parent": wanted.parent, "data": wanted.data},
            content=content_hash(partial),
            seed=recipe.seed,
            hardware=hardware(kept.get("gpu")),
            seconds=time.perf_counter() - start,
            versions=versions("lm_eval", "torch", "transformers"),
            tokens_per_second=kept["tokens_per_second"],
            metrics={"peak_memory_mb": kept["peak_memory_mb"], "skipped": kept["skipped"]},
        )
        write_manifest(partial, manifest)


def _question_files(entries: tuple[Evaluation, ...]) -> tuple[Data, ...]:
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


def _seconds(start: float, reason: str) -> str:
    return f"{time.perf_counter() - start:6.1f} s" + (f"  ({reason})" if reason else "")


def _say(label: str, what: str) -> None:
    print(f"{label}  {what}", flush=True)
