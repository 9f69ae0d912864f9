"""What every step of a ladder shares: the recipe, the folder, how a process is started, and what is told of a step."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.ladder.graph import Step
from mcqa_suite.ladder.outputs import RungResult
from mcqa_suite.ladder.recipe import BASE, Recipe
from mcqa_suite.ladder.stage_settings import TRAINED
from mcqa_suite.ladder.warm import run_warm

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node")
# at any free port, for two stages may begin on one machine
ACCELERATE = ("-m", "accelerate.commands.launch", "--main_process_port", "0", "--config_file")


@dataclass(frozen=True)
class Done:
    """What a step came to: its rung, and how it went in a few words."""

    rung: RungResult
    said: str


@dataclass(frozen=True)
class Climb:
    """`redo` names rungs to make again whatever is there. `lock` is handed to each stage; a worker on another machine holds
    none (None), and its stages end with it instead."""

    recipe: Recipe
    output: Path
    redo: Collection[str]
    total: int
    lock: int | None

    def label(self, number: int, name: str, kind: str) -> str:
        width = max(len(BASE), *(len(stage.name) for stage in self.recipe.stages), 0)
        return f"[{number:{len(str(self.total))}}/{self.total}] {name:{width}}  {kind:8}"

    def execute_step(self, command: list[str], step: Step) -> None:
        """`execute` of what a step runs."""
        log = f"{step.rung}.log" if step.stage else f"{step.rung}.evaluation.log"
        if self.recipe.accelerate and step.kind in TRAINED:
            command = [*ACCELERATE, str(self.recipe.accelerate), "--num_processes", str(step.processes), *command]
        elif step.processes > 1:
            command = [*TORCHRUN, str(step.processes), *command]
        self.execute(command, step.name, log, self.label(step.number, step.rung, step.kind), step.threads)

    def execute(self, command: list[str], name: str, log: str, label: str, threads: int | None) -> None:
        """Runs a stage's process; OMP_NUM_THREADS of the caller wins over `threads`, but for a cluster's worker."""
        free = self.lock is None
        wanted = str(threads or 1) if free else os.environ.get("OMP_NUM_THREADS") or str(threads or "")
        told = (self.output / "logs" / log, name, label, {"OMP_NUM_THREADS": wanted} if wanted else {})
        keep = () if self.lock is None else (self.lock,)
        run_warm(command, *told, keep, {stage.kind for stage in self.recipe.stages}, tied=free)


def seconds(start: float, reason: str) -> str:
    """How long a step took since `start`, and why it was taken again."""
    return f"{time.perf_counter() - start:6.1f} s" + (f"  ({reason})" if reason else "")
