"""The steps of a recipe: each makes or evaluates a rung, after the steps that it waits for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mcqa_suite.ladder.recipe import BASE, Recipe, Stage
from mcqa_suite.ladder.stage_settings import TRAINED

EVALUATE = "evaluate"


@dataclass(frozen=True)
class Step:
    """`number` counts from 2 in the recipe's order (1 is the base); `after` holds the numbers of the steps that it waits for.

    A step without `stage` evaluates its rung. It runs in `processes` processes of `threads` threads (None: not set), and takes
    `cpus` and `gpus` of a cluster's node (None: one GPU for each process, if the cluster has any).
    """

    number: int
    rung: str
    stage: Stage | None
    after: frozenset[int]
    processes: int
    threads: int | None
    cpus: int
    gpus: float | None

    @property
    def kind(self) -> str:
        return self.stage.kind if self.stage else EVALUATE

    @property
    def name(self) -> str:
        return self.rung if self.stage else f"{self.rung} (evaluation)"

    @property
    def log(self) -> str:
        return f"{self.rung}.log" if self.stage else f"{self.rung}.evaluation.log"


def steps_of(recipe: Recipe) -> tuple[Step, ...]:
    """Every step in order, each rung evaluated as soon as it is made."""
    numbers = itertools.count(2)
    steps: list[Step] = []
    trained, evaluated = {BASE: 1}, dict[str, int]()  # the number of a rung's step

    def add(rung: str, stage: Stage | None, after: frozenset[int]) -> int:
        processes = recipe.processes if stage is None or stage.kind in TRAINED else 1
        cpus = (stage and stage.num_cpus) or recipe.num_cpus
        threads = max(1, cpus // processes) if cpus else recipe.threads
        gpus = recipe.num_gpus if stage is None or stage.num_gpus is None else stage.num_gpus
        number = next(numbers)
        steps.append(Step(number, rung, stage, after, processes, threads, cpus or processes * (threads or 1), gpus))
        return number

    if recipe.evaluate:
        evaluated[BASE] = add(BASE, None, frozenset({1}))
    for stage in recipe.stages:
        trained[stage.name] = add(stage.name, stage, _waits_for(recipe, stage, trained, evaluated))
        if recipe.evaluate and stage.generates:
            evaluated[stage.name] = add(stage.name, None, frozenset({trained[stage.name]}))
    return tuple(steps)


def _waits_for(recipe: Recipe, stage: Stage, trained: dict[str, int], evaluated: dict[str, int]) -> frozenset[int]:
    """The step that makes its parent; for the best of a sweep, the steps that score every point."""
    if not stage.from_best:
        return frozenset({trained[stage.parent]})
    sweep = next(sweep for sweep in recipe.sweeps if sweep.name == stage.parent)
    steps = evaluated if sweep.criterion.task else trained
    return frozenset(steps[point.stage] for point in sweep.points)
