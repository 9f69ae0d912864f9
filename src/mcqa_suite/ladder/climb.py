"""What every step of a ladder shares: the recipe, the folder, and how a process is started and spoken of."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mcqa_suite.process import run_process
from mcqa_suite.recipe import BASE, Recipe


@dataclass(frozen=True)
class Climb:
    """`redo` names rungs to make again whatever is there, `lock` is handed to each stage; with `overlap` a rung is evaluated
    while the next stage runs."""

    recipe: Recipe
    output: Path
    redo: Collection[str]
    total: int
    lock: int
    overlap: bool = False

    def label(self, number: int, name: str, kind: str) -> str:
        width = max(len(BASE), *(len(stage.name) for stage in self.recipe.stages), 0)
        return f"[{number:{len(str(self.total))}}/{self.total}] {name:{width}}  {kind:8}"

    def execute(self, command: list[str], name: str, log: str, label: str) -> None:
        """Runs a stage's process; OMP_NUM_THREADS of the caller wins over the recipe's `threads`."""
        threads = os.environ.get("OMP_NUM_THREADS") or self.recipe.threads
        environment = {"OMP_NUM_THREADS": str(threads)} if threads else {}
        run_process([sys.executable, *command], self.output / "logs" / log, name, label, environment, (self.lock,))


def seconds(start: float, reason: str) -> str:
    """How long a step took since `start`, and why it was taken again."""
    return f"{time.perf_counter() - start:6.1f} s" + (f"  ({reason})" if reason else "")


def say(label: str, what: str) -> None:
    print(f"{label}  {what}", flush=True)
