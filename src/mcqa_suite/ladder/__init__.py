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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from mcqa_suite.common.locks import locked
from mcqa_suite.common.manifest import Data
from mcqa_suite.ladder import leak_check as audits
from mcqa_suite.ladder.checkpoints import BASE_KIND
from mcqa_suite.ladder.context import Climb, Done
from mcqa_suite.ladder.evaluation import evaluate
from mcqa_suite.ladder.executors import Local, Way
from mcqa_suite.ladder.graph import Step, steps_of
from mcqa_suite.ladder.outputs import LadderResult, RungResult
from mcqa_suite.ladder.preflight import check_tasks, rows_of
from mcqa_suite.ladder.recipe import BASE, Recipe, Stage, read_recipe
from mcqa_suite.ladder.stages import check_settings, find, make
from mcqa_suite.ladder.store import Store, needed_of, place_of, through
from mcqa_suite.ladder.sweep_results import board

__all__ = ["climb", "run"]


def run(recipe_path: Path, output: Path | None = None, *, redo: Collection[str] = ()) -> LadderResult:
    """Makes and evaluates every rung of a recipe; prints a line a step, and raises McqaError where one fails."""
    return climb(read_recipe(Path(recipe_path)), output, redo=redo)


def climb(
    recipe: Recipe,
    output: Path | None = None,
    *,
    redo: Collection[str] = (),
    overlap: bool = False,
    ray: str | None = None,
    store: str | None = None,
) -> LadderResult:
    """`run` of a recipe that was read; with `overlap` two steps at a time, with `ray` on the cluster at that address.

    With `store`, a URL, finished folders go there, and come from there where the run's folder lacks them.
    """
    start = time.perf_counter()
    folder = (output or recipe.output).absolute()
    steps = steps_of(recipe)
    kept = Store(store.rstrip("/"), folder) if store else None
    if kept:
        kept.check()
    with _way(recipe, steps, folder, overlap, ray, shared=kept is None) as way:
        # A missing file, a misspelled task and a leak show before anything runs.
        check_tasks(recipe)
        with locked(folder) as lock, closing(way):
            data = _looked_over(recipe, folder)  # writes audits/, so behind the lock
            climb = Climb(recipe, folder, redo, 1 + len(steps), lock)
            if not overlap:
                check_settings(climb)
            rungs = _climbed(climb, steps, data, way, kept)
    return LadderResult(recipe, folder, rungs, time.perf_counter() - start)


@contextmanager
def _way(
    recipe: Recipe, steps: Sequence[Step], folder: Path, overlap: bool, ray: str | None, shared: bool
) -> Iterator[Way]:
    if ray is None:
        yield Local(2 if overlap else 1)
        return
    from mcqa_suite.ladder import on_ray

    with on_ray.connected(ray, recipe, steps, folder if shared else None) as way:
        yield way


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


def _climbed(
    climb: Climb, steps: Sequence[Step], data: dict[str, tuple[Data, ...]], way: Way, store: Store | None
) -> tuple[RungResult, ...]:
    """Every rung, in the recipe's order, each step begun when what it waits for is done."""
    base = find(climb)
    _say(climb.label(1, BASE, BASE_KIND), str(base.manifest.settings["base"]))
    rungs = {BASE: base}
    done, waiting = {1}, list(steps)
    there = climb if way.holds_lock else replace(climb, lock=None)
    while len(done) <= len(steps):
        for step in [step for step in waiting if step.after <= done]:
            way.submit(step, _call(there, step, rungs, data, store))
            waiting.remove(step)
        step, outcome = way.next()
        if store and not step.stage:
            store.take_newest(place_of(step))  # its worker may have made it where this machine does not see it
        done.add(step.number)
        rungs[step.rung] = outcome.rung
        _say(climb.label(step.number, step.rung, step.kind), outcome.said)
        if step.stage:
            _check_criterion(climb.recipe, step.stage, outcome.rung)
        elif outcome.rung.record:
            print("".join(f"    skipped: {skipped['reason']}\n" for skipped in outcome.rung.record["skipped"]), end="")
    return tuple(rungs[name] for name in [BASE, *(stage.name for stage in climb.recipe.stages)])


def _call(
    climb: Climb,
    step: Step,
    rungs: Mapping[str, RungResult],
    data: Mapping[str, tuple[Data, ...]],
    store: Store | None,
) -> Callable[[], Done]:
    """What is to be done for a step, as a function that can go to another process."""
    if stage := step.stage:
        rung = rungs[_best(climb.recipe, stage.parent, rungs) if stage.from_best else stage.parent]
        call = partial(make, climb, step, stage, rung, data[stage.name])
    else:
        rung = rungs[step.rung]
        call = partial(evaluate, climb, step, rung)
    return partial(through, store, needed_of(rung), place_of(step), call) if store else call


def _best(recipe: Recipe, name: str, rungs: Mapping[str, RungResult]) -> str:
    """The rung at the best point of a sweep, all of whose points are made."""
    sweep = next(sweep for sweep in recipe.sweeps if sweep.name == name)
    points = [rungs[point.stage] for point in sweep.points]
    entries = {rung.name: board.Entry(rung.manifest.metrics, rung.evaluation, rung.checkpoint) for rung in points}
    best = board.score(sweep, entries).best.point.stage
    print(f"    the best of {name} by {sweep.criterion} is {best}", flush=True)
    return best


def _say(label: str, what: str) -> None:
    print(f"{label}  {what}", flush=True)


def _check_criterion(recipe: Recipe, stage: Stage, rung: RungResult) -> None:
    """A figure that no manifest has shows after the first point of its sweep, not after the last."""
    for sweep in recipe.sweeps:
        if stage.name in [point.stage for point in sweep.points]:
            board.check_metric(sweep.criterion, rung.name, rung.manifest.metrics)
