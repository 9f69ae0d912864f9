"""What a recipe comes to: steps that make a rung or evaluate it, each with the steps that have to be done before it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mcqa_suite.ladder.recipe import BASE, Recipe, Stage
from mcqa_suite.ladder.stage_settings import TRAINED

EVALUATE = "evaluate"


@dataclass(frozen=True)
class Step:
    """`number` is its place where all run in order (1 is the base, which is there), `after` the numbers it waits for.

    A step without `stage` evaluates its rung. It runs as `processes` with as many `threads` each (None: nobody says), and
    takes `cpus` and `gpus` of a cluster's node (None: a GPU for each process, where there are any).
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


def steps_of(recipe: Recipe) -> tuple[Step, ...]:
    """Every step in order: a rung is evaluated as soon as it is made, and none comes before what it waits for."""
    numbers = itertools.count(2)
    steps: list[Step] = []
    made, evaluated = {BASE: 1}, dict[str, int]()

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
        made[stage.name] = add(stage.name, stage, _waits_for(recipe, stage, made, evaluated))
        if recipe.evaluate and stage.generates:
            evaluated[stage.name] = add(stage.name, None, frozenset({made[stage.name]}))
    return tuple(steps)


def _waits_for(recipe: Recipe, stage: Stage, made: dict[str, int], evaluated: dict[str, int]) -> frozenset[int]:
    """Its parent; where that is the best of a sweep, all points, and their evaluations where a task is the criterion."""
    if not stage.from_best:
        return frozenset({made[stage.parent]})
    sweep = next(sweep for sweep in recipe.sweeps if sweep.name == stage.parent)
    judged = evaluated if sweep.criterion.task else made
    return frozenset(judged[point.stage] for point in sweep.points)
