"""Climbs a recipe: makes every rung from its parent and evaluates it, each in a process of its own.

    runs/demo/checkpoints/<rung>/   weights, tokenizer, manifest.json (of the base the manifest alone)
    runs/demo/evaluations/<rung>/   what the harness wrote, rung.json, manifest.json
    runs/demo/audits/<stage>.md     what the rows of a stage share with the tasks
    runs/demo/configs/, logs/       what each process was told, and said

A rung is evaluated as soon as it is made, so a mistake in the plan shows before the training. Run again, it makes only what
is not there as the recipe would have it now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.ladder import audits
from mcqa_suite.ladder.climb import Climb
from mcqa_suite.ladder.evaluation import evaluate
from mcqa_suite.ladder.plan import check_tasks, rows_of
from mcqa_suite.ladder.stages import check_settings, find, make
from mcqa_suite.lock import locked
from mcqa_suite.manifest import Data
from mcqa_suite.outcome import LadderResult, RungResult
from mcqa_suite.recipe import Recipe, Stage, read_recipe
from mcqa_suite.sweep_results import board

__all__ = ["climb", "run"]


def run(recipe_path: Path, output: Path | None = None, *, redo: Collection[str] = ()) -> LadderResult:
    """Makes and evaluates every rung of a recipe; prints a line a step, and raises McqaError where one fails."""
    return climb(read_recipe(Path(recipe_path)), output, redo=redo)


def climb(
    recipe: Recipe, output: Path | None = None, *, redo: Collection[str] = (), overlap: bool = False
) -> LadderResult:
    """`run` of a recipe that was read; with `overlap` a rung is evaluated while the next stage runs."""
    start = time.perf_counter()
    folder = (output or recipe.output).absolute()
    # A missing file, a misspelled task and a leak show before anything runs.
    check_tasks(recipe)
    data = _looked_over(recipe, folder)
    with locked(folder) as lock:
        evaluated = 1 + sum(stage.generates for stage in recipe.stages) if recipe.evaluate else 0
        total = len(recipe.stages) + 1 + evaluated
        climb = Climb(recipe, folder, redo, total, lock, overlap)
        if not overlap:
            check_settings(climb)
        rungs = _climbed(climb, data)
    return LadderResult(recipe, folder, rungs, time.perf_counter() - start)


def _looked_over(recipe: Recipe, folder: Path) -> dict[str, tuple[Data, ...]]:
    """The fingerprints of every stage's rows, all read and audited against what the recipe evaluates."""
    data: dict[str, tuple[Data, ...]] = {}
    trained = []
    for found in rows_of(recipe):
        data |= {stage.name: found.data for stage in found.stages}
        trained += [found] if hasattr(found.stages[0].settings, "allow_leaks") else []
    if recipe.evaluate and trained:
        items, lines = audits.items_of(recipe)
        for found in trained:
            lines += audits.audit(recipe, found, items, folder)
        n = f"{sum(len(found.rows) for found in trained):,} training rows against {len(items):,} evaluation documents"
        print("\n".join([f"audit: {n}; {folder / 'audits'}", *(f"    {line}" for line in lines)]), flush=True)
    return data


def _climbed(climb: Climb, data: dict[str, tuple[Data, ...]]) -> tuple[RungResult, ...]:
    steps = iter(range(1, climb.total + 1))
    made: dict[str, RungResult] = {}
    done: dict[str, Future[RungResult]] = {}
    with _evaluator(climb.overlap) as later:

        def add(rung: RungResult, generates: bool) -> None:
            made[rung.name] = rung
            if climb.recipe.evaluate and generates:
                done[rung.name] = later(evaluate, climb, next(steps), rung)

        add(find(climb, next(steps)), generates=True)
        for stage in climb.recipe.stages:
            parent = made[_best(climb.recipe, stage.parent, made, done) if stage.from_best else stage.parent]
            add(make(climb, next(steps), stage, parent, data[stage.name]), stage.generates)
            _check_criterion(climb.recipe, stage, made[stage.name])
        return tuple(done[name].result() if name in done else rung for name, rung in made.items())


@contextmanager
def _evaluator(overlap: bool) -> Iterator[Callable[..., Future[RungResult]]]:
    """Runs a function beside what follows, one at a time, or else at once."""

    def now(function: Callable[..., RungResult], *args: object) -> Future[RungResult]:
        future: Future[RungResult] = Future()
        future.set_result(function(*args))
        return future

    if not overlap:
        yield now
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit


def _best(recipe: Recipe, name: str, made: dict[str, RungResult], done: dict[str, Future[RungResult]]) -> str:
    """The rung at the best point of a sweep, all of whose points are made."""
    sweep = next(sweep for sweep in recipe.sweeps if sweep.name == name)
    rungs = [done[p.stage].result() if p.stage in done else made[p.stage] for p in sweep.points]
    entries = {rung.name: board.Entry(rung.manifest.metrics, rung.evaluation, rung.checkpoint) for rung in rungs}
    best = board.score(sweep, entries).best.point.stage
    print(f"    the best of {name} by {sweep.criterion} is {best}", flush=True)
    return best


def _check_criterion(recipe: Recipe, stage: Stage, rung: RungResult) -> None:
    """A figure that no manifest has shows after the first point of its sweep, not after the last."""
    for sweep in recipe.sweeps:
        if stage.name in [point.stage for point in sweep.points]:
            board.check_metric(sweep.criterion, rung.name, rung.manifest.metrics)
