"""The steps of a recipe, what they return, and how they run on this machine; `on_ray` runs them on a cluster."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mcqa_suite.common.manifest import Manifest, usable_cores
from mcqa_suite.ladder.recipe import BASE, Recipe, Stage, evaluated
from mcqa_suite.ladder.stage_settings import TRAINED

EVALUATE = "evaluate"


@dataclass(frozen=True)
class Step:
    """`number` counts from 2 in the recipe's order (1 is the base); `after` holds the numbers of the steps that it waits for.

    A step without `stage` evaluates its rung. It runs in `processes` processes of `threads` threads (None: not set), and takes
    `cpus` and `gpus` of a cluster's node (None: one GPU for each process, if the cluster has any). `entries` is the number of
    entries of `evaluate` that it runs.
    """

    number: int
    rung: str
    stage: Stage | None
    after: frozenset[int]
    processes: int
    threads: int | None
    cpus: int
    gpus: float | None
    entries: int = 0

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
    shared = max(1, usable_cores() // recipe.jobs) if recipe.jobs > 1 else None  # steps side by side share the cores
    steps: list[Step] = []
    trained, scored = {BASE: 1}, dict[str, int]()  # the number of a rung's step

    def add(rung: str, stage: Stage | None, after: frozenset[int]) -> int:
        processes = recipe.processes if stage is None or stage.kind in TRAINED else 1
        cpus = (stage and stage.num_cpus) or recipe.num_cpus
        threads = max(1, cpus // processes) if cpus else recipe.threads or shared
        gpus = recipe.num_gpus if stage is None or stage.num_gpus is None else stage.num_gpus
        number = next(numbers)
        entries = 0 if stage else len(evaluated(recipe, rung))
        cpus = cpus or processes * (threads or 1)
        steps.append(Step(number, rung, stage, after, processes, threads, cpus, gpus, entries))
        return number

    if evaluated(recipe, BASE):
        scored[BASE] = add(BASE, None, frozenset({1}))
    for stage in recipe.stages:
        trained[stage.name] = add(stage.name, stage, _waits_for(recipe, stage, trained, scored))
        if stage.generates and evaluated(recipe, stage.name):
            scored[stage.name] = add(stage.name, None, frozenset({trained[stage.name]}))
    return tuple(steps)


def _waits_for(recipe: Recipe, stage: Stage, trained: dict[str, int], scored: dict[str, int]) -> frozenset[int]:
    """The step that makes its parent, or keeps it; for the best of a sweep, the steps that score every point."""
    if kept_from := getattr(stage.settings, "kept_from", None):
        return frozenset({trained[kept_from]})
    if not stage.from_best:
        return frozenset({trained[stage.parent]})
    sweep = next(sweep for sweep in recipe.sweeps if sweep.name == stage.parent)
    steps = scored if sweep.criterion.task else trained
    return frozenset(steps[point.stage] for point in sweep.points)


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
    """A step's rung and its status: "unchanged", "from the store", or its seconds and why it was run again.

    `other_versions` names the libraries of a kept evaluation that have another version now.
    """

    rung: RungResult
    status: str
    other_versions: str = ""


Call = Callable[[], StepResult]


class Executor(Protocol):
    """`submit` takes a step whose predecessors are done; `next` returns the next finished one, or raises its error."""

    def submit(self, step: Step, call: Call) -> None: ...

    def next(self) -> tuple[Step, StepResult]: ...

    def close(self) -> None: ...


def rank(step: Step, slots: int) -> tuple[bool, int]:
    """What is ready starts in this order, then by number.

    With several slots, stages come before evaluations, because more steps wait for them, and the evaluations with most entries
    come first, so that no long one is left for the end.
    """
    return (step.stage is None, -step.entries) if slots > 1 else (False, 0)


def fits(step: Step, running: Collection[Step], slots: int, cores: int) -> bool:
    """Whether a slot and the step's cores are free: threads that take turns on a core are slower than one after the other."""
    return not running or (len(running) < slots and step.cpus + sum(other.cpus for other in running) <= cores)


class LocalExecutor:
    """On this machine, at most `slots` steps at a time."""

    def __init__(self, slots: int = 1, cores: int | None = None) -> None:
        self._slots, self._cores = slots, cores or usable_cores()
        self._ready: list[tuple[tuple[bool, int], int, Step, Call]] = []
        self._running: dict[Future[StepResult], Step] = {}
        self._pool = ThreadPoolExecutor(slots)

    def submit(self, step: Step, call: Call) -> None:
        heapq.heappush(self._ready, (rank(step, self._slots), step.number, step, call))

    def next(self) -> tuple[Step, StepResult]:
        if self._slots == 1:  # in this thread, so that Ctrl-C ends the process
            *_, step, call = heapq.heappop(self._ready)
            return step, call()
        while self._ready and fits(self._ready[0][2], self._running.values(), self._slots, self._cores):
            *_, step, call = heapq.heappop(self._ready)
            self._running[self._pool.submit(call)] = step
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        future = min(done, key=lambda future: self._running[future].number)
        return self._running.pop(future), future.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
