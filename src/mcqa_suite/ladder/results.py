"""What a ladder returns: a result for each rung, and the status line of each step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.manifest import Manifest
from mcqa_suite.ladder.recipe import Recipe


@dataclass(frozen=True)
class RungResult:
    """A checkpoint and its evaluation.

    `evaluation` is the folder of lm_eval's output and `record` its rung.json; both are None where nothing was evaluated.
    `adapter_base` is the checkpoint that an adapter needs; None for a checkpoint with weights of its own.
    """

    name: str
    checkpoint: Path
    manifest: Manifest
    evaluation: Path | None
    record: dict[str, Any] | None
    adapter_base: Path | None = None


@dataclass(frozen=True)
class LadderResult:
    """The rungs in the recipe's order, the base first."""

    recipe: Recipe
    output: Path
    rungs: tuple[RungResult, ...]
    seconds: float


@dataclass(frozen=True)
class StepResult:
    """A step's rung and its status: "unchanged", "from the store", or its seconds and why it was run again."""

    rung: RungResult
    status: str
