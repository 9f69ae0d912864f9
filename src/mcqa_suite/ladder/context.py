"""What every step of a ladder shares: the recipe, the run folder, how a process is started and when a folder is made again."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.chat_template import WAYS, ChatTemplate
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import MANIFEST, Data, LeftOut, Manifest, Parent, TaskData, content_hash, read_manifest
from mcqa_suite.ladder.changes import (
    CHOOSE_ROWS,
    data_changes,
    left_out_changes,
    setting_changes,
    summary,
    task_changes,
    without_files,
)
from mcqa_suite.ladder.process import EvaluationWorkers, run_process
from mcqa_suite.ladder.recipe import BASE, Recipe
from mcqa_suite.ladder.stage_settings import TRAINED, compared
from mcqa_suite.ladder.steps import Step

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node")
# port 0 picks a free one: two stages may start on one machine
ACCELERATE = ("-m", "accelerate.commands.launch", "--main_process_port", "0", "--config_file")
NO_ROWS = ChatTemplate()
EVALUATE = ("-m", "mcqa_suite.evaluation.evaluate_checkpoint")


@dataclass(frozen=True)
class Expected:
    """The values (`settings` as JSON has them) that the manifest of an existing folder must have, or the step runs again.

    `parent` is None for a converted base, `tasks` for a stage. An entry of the plan without any task in it has data that cannot
    be loaded now. `rows_chat_template` is how a stage writes its rows; its own setting counts by that alone.
    """

    kind: str
    name: str
    parent: Parent | None
    settings: dict[str, Any]
    data: tuple[Data, ...] = ()
    tasks: tuple[TaskData, ...] | None = None
    rows_chat_template: ChatTemplate = NO_ROWS
    left_out: LeftOut | None = None
    validation: tuple[Data, ...] = ()


@dataclass(frozen=True)
class LadderContext:
    """`redo` names rungs to make again even if nothing changed.

    `workers` run the evaluations; None (on a cluster, or with several processes) each runs in a process of its own.
    `remote` is true on a cluster, where only the recipe sets OMP_NUM_THREADS.
    """

    recipe: Recipe
    output: Path
    redo: Collection[str]
    total: int
    workers: EvaluationWorkers | None = None
    remote: bool = False

    def label(self, number: int, name: str, kind: str) -> str:
        width = max(len(BASE), *(len(stage.name) for stage in self.recipe.stages), 0)
        return f"[{number:{len(str(self.total))}}/{self.total}] {name:{width}}  {kind:8}"

    def run_script(self, command: list[str], step: Step) -> None:
        """Run a stage's script, under accelerate or torchrun where the recipe asks for several processes."""
        if self.recipe.accelerate and step.kind in TRAINED:
            command = [*ACCELERATE, str(self.recipe.accelerate), "--num_processes", str(step.processes), *command]
        elif step.processes > 1:
            command = [*TORCHRUN, str(step.processes), *command]
        self.run_process(command, step.name, step.log, self.label(step.number, step.rung, step.kind), step.threads)

    def run_process(self, command: list[str], name: str, log: str, label: str, threads: int | None) -> None:
        run_process([sys.executable, *command], self.output / "logs" / log, name, label, self._environment(threads))

    def run_evaluation(self, request: Mapping[str, Any], step: Step) -> None:
        """Evaluate a checkpoint; `request` holds the arguments of `evaluation.evaluate_checkpoint.evaluate`."""
        if self.workers:
            log, label = self.output / "logs" / step.log, self.label(step.number, step.rung, step.kind)
            self.workers.evaluate(request, log, step.name, label, self._environment(step.threads))
            return
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in request.items()}
        flags = [word for key, text in texts.items() for word in (f"--{key}", text)]
        self.run_script([*EVALUATE, *flags], step)

    def _environment(self, threads: int | None) -> dict[str, str]:
        """OMP_NUM_THREADS for a process: that of this process if set (except on a cluster), else `threads`."""
        inherited = None if self.remote else os.environ.get("OMP_NUM_THREADS")
        value = inherited or str(threads or ("1" if self.remote else ""))
        return {"OMP_NUM_THREADS": value} if value else {}

    def update(self, folder: Path, expected: Expected, run: Callable[[], None]) -> str:
        """Call `run` unless `folder` is what is expected; return the status of the step."""
        with write_lock(folder):  # a process of a killed run may still be writing
            reason = "requested" if expected.name in self.redo else redo_reason(folder, expected, self.recipe.processes)
        if reason is None:
            return "unchanged"
        start = time.perf_counter()
        run()
        return f"{time.perf_counter() - start:6.1f} s" + (f"  ({reason})" if reason else "")


def redo_reason(folder: Path, expected: Expected, processes: int) -> str | None:
    """The reason to make `folder` again; None where it is kept, "" where it does not exist.

    All bytes are hashed each time, because dates and sizes do not show a flipped bit. The number of training `processes`
    counts, because it changes the batch size.
    """
    if not folder.exists():
        return ""
    if not (folder / MANIFEST).is_file():
        return "it was not complete"
    try:
        manifest = read_manifest(folder)
    except CheckpointError:
        return "its manifest is broken or changed"
    try:
        if manifest.content != content_hash(folder):
            return "its files changed"
    except CheckpointError:
        return "its files are gone"
    if (manifest.kind, manifest.name) != (expected.kind, expected.name):
        return f"it was {manifest.name} ({manifest.kind})"
    if expected.parent and (manifest.parent is None or manifest.parent.content != expected.parent.content):
        return f"its parent {expected.parent.name} changed"
    if changes := _changes(manifest, expected):
        return summary(changes)
    if expected.kind in TRAINED and manifest.hardware.processes != processes:
        return f"processes: {manifest.hardware.processes} -> {processes}"
    rows = (manifest.rows_written or ChatTemplate()).differences(expected.rows_chat_template)
    changes = [f"chat template of {format} rows: {WAYS[old]} -> {WAYS[new]}" for format, (old, new) in rows.items()]
    return "; ".join(changes) or None


def _changes(manifest: Manifest, expected: Expected) -> list[str]:
    """What is not as the manifest has it: settings first, then what they do not explain."""
    if expected.tasks is None:
        settings = list(setting_changes(compared(manifest.settings), expected.settings))
        if any(change.startswith(CHOOSE_ROWS) for change in settings):
            return settings
        rows = data_changes(manifest.data, expected.data)
        validation = data_changes(manifest.validation, expected.validation, "validation rows")
        return [*settings, *rows, *validation, *left_out_changes(manifest.left_out, expected.left_out)]
    # A manifest that is older than `tasks` has the seed only beside its settings.
    before, now = {"seed": manifest.seed} | manifest.settings, expected.settings
    plan, plan_now = without_files(before.get("plan", ())), expected.settings["plan"]
    changes = list(setting_changes(plan, plan_now, "evaluate"))
    changes += setting_changes({**before, "plan": None}, {**now, "plan": None})
    if manifest.tasks is None:
        return [*changes, "its data was not recorded"]
    tasks = task_changes(manifest.tasks, expected.tasks, plan, plan_now)
    return [*changes, *tasks, *data_changes(manifest.data, expected.data, "files")]
