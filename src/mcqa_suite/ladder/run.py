"""Run a recipe: make every rung from its parent and evaluate it as soon as it is made.

    runs/demo/checkpoints/<rung>/   weights, tokenizer, manifest.json (for the base only the manifest, unless it is a GGUF file)
    runs/demo/evaluations/<rung>/   lm_eval's output, rung.json, manifest.json
    runs/demo/audits/<stage>.md     training rows of a stage that hold questions of the tasks (.json: in numbers)
    runs/demo/configs/, logs/       the settings and the output of each process
    random-model/                   the base, where the recipe asks for one that is made on the spot
    .lock                           held by the run
    .<rung>.lock                    held by the process that writes the rung

A rerun makes only what is missing or no longer matches the recipe.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mcqa_suite.backend import random_model
from mcqa_suite.backend.gguf_file import is_gguf
from mcqa_suite.common import extras
from mcqa_suite.common.locks import run_lock
from mcqa_suite.common.scratch import scratch_of_run
from mcqa_suite.common.system_errors import check_utf8
from mcqa_suite.ladder.chat_template import template_lines
from mcqa_suite.ladder.context import LadderContext
from mcqa_suite.ladder.evaluation import evaluate
from mcqa_suite.ladder.foreign_recipes import own_output
from mcqa_suite.ladder.gguf_base import convert_base
from mcqa_suite.ladder.leaks import StageData, check_rows
from mcqa_suite.ladder.process import EvaluationWorkers
from mcqa_suite.ladder.questions import Questions, load_tasks, questions_of
from mcqa_suite.ladder.recipe import BASE, Recipe, read_recipe
from mcqa_suite.ladder.stages import BASE_KIND, check_settings, make, record_base
from mcqa_suite.ladder.steps import Executor, LadderResult, LocalExecutor, RungResult, Step, StepResult, steps_of
from mcqa_suite.ladder.store import Store, inputs_of, output_of, with_store
from mcqa_suite.ladder.sweep_results import check_metric, score

REMEDY = "delete a folder in evaluations/ to make it again"
EXTRAS = {"gptq": "gptq", "bnb": "bnb"}  # kind of stage -> the extra that it needs; other kinds need `train`


def run_recipe(
    recipe: Recipe | str | Path,
    output: Path | None = None,
    *,
    redo: Collection[str] = (),
    ray: str | None = None,
    store: str | None = None,
) -> LadderResult:
    """Make and evaluate every rung of a recipe (or of its file), and print a line for each step; McqaError where one fails.

    `output` may be any folder; that of the recipe must be below the working directory, and new or a run's. `redo` names rungs to
    make again; `ray` is the address of a cluster. `store` is an fsspec URL: complete folders
    are uploaded to it, and folders that the run folder lacks are downloaded from it.
    """
    with finished(recipe, output, redo=redo, ray=ray, store=store) as result:
        return result


@contextmanager
def finished(
    recipe: Recipe | str | Path,
    output: Path | None = None,
    *,
    redo: Collection[str] = (),
    ray: str | None = None,
    store: str | None = None,
) -> Iterator[LadderResult]:
    """As `run_recipe`; no other run gets the folder before the block ends, which may write tables of the result into it."""
    start = time.perf_counter()
    recipe = recipe if isinstance(recipe, Recipe) else read_recipe(Path(recipe))
    folder = output.absolute() if output else own_output(recipe.output, str(recipe.path))
    check_utf8(recipe.path, folder, recipe.base)
    check_libraries(recipe)
    steps = steps_of(recipe)
    remote_store = Store(store.rstrip("/"), folder) if store else None
    if remote_store:
        remote_store.check()
    with ExitStack() as outer:
        # Ray looks for its cluster in TMPDIR
        scratch = None if ray else outer.enter_context(scratch_of_run(folder))
        with ExitStack() as stack:
            executor: Executor = LocalExecutor(recipe.jobs)
            if ray:
                from mcqa_suite.ladder.on_ray import connected

                executor = stack.enter_context(connected(ray, recipe, steps, None if store else folder))
            loaded = load_tasks(recipe)
            questions = questions_of(recipe, loaded)
            outer.enter_context(run_lock(folder))
            if scratch:
                outer.callback(shutil.rmtree, scratch, ignore_errors=True)
            remove_leftovers(folder)
            if recipe.base == random_model.NAME:
                recipe = replace(recipe, base=str(random_model.random_model(folder / random_model.NAME)))
            stack.callback(executor.close)
            workers = None if ray or recipe.processes > 1 else EvaluationWorkers(recipe.jobs)
            if workers:
                stack.callback(workers.close)
            context = LadderContext(recipe, folder, redo, 1 + len(steps), workers, remote=bool(ray))
            with ThreadPoolExecutor(1) as beside:  # the trainers' libraries take seconds to import
                settings = beside.submit(check_settings, context)
                data = check_rows(recipe, loaded, folder)  # writes audits/, so with the lock
                settings.result()
            rungs = Ladder(context, steps, data, questions, executor, remote_store).run()
        yield LadderResult(recipe, folder, rungs, time.perf_counter() - start)


def remove_leftovers(folder: Path) -> None:
    """Delete the half-written files of a run that was killed."""
    for below in (".", "audits", "configs", "[!.]*/[!.]*"):
        for path in folder.glob(f"{below}/.*.partial"):
            if path.is_file():
                path.unlink()


def check_libraries(recipe: Recipe) -> None:
    """ConfigError where a stage or the evaluation needs an extra that is not installed."""
    extras.require(str(recipe.path), *dict.fromkeys(["eval", *(EXTRAS.get(s.kind, "train") for s in recipe.stages)]))


@dataclass(frozen=True)
class Ladder:
    """The steps of one run; `data` describes the rows of each stage, `questions` those of what is evaluated."""

    context: LadderContext
    steps: Sequence[Step]
    data: Mapping[str, StageData]
    questions: Questions
    executor: Executor
    store: Store | None

    def run(self) -> tuple[RungResult, ...]:
        """Every rung, in the recipe's order; a step starts when the steps before it are done."""
        rungs = {BASE: self._base()}
        for line in template_lines(self.context.recipe, rungs[BASE]):
            print(f"    {line}", flush=True)
        done, waiting = {1}, list(self.steps)
        by_versions: dict[str, list[str]] = {}
        while len(done) <= len(self.steps):
            for step in [step for step in waiting if step.after <= done]:
                self.executor.submit(step, self._call(step, rungs))
                waiting.remove(step)
            step, result = self.executor.next()
            done.add(step.number)
            rungs[step.rung] = result.rung
            self._report(step, result)
            if result.other_versions:
                by_versions.setdefault(result.other_versions, []).append(step.rung)
        for versions, names in by_versions.items():
            print(f"    kept evaluations of other versions: {', '.join(names)} ({versions}); {REMEDY}", flush=True)
        return tuple(rungs[name] for name in [BASE, *(stage.name for stage in self.context.recipe.stages)])

    def _base(self) -> RungResult:
        """The base; one that is converted from GGUF goes to the store, as the checkpoint of a stage does."""
        if not is_gguf(self.context.recipe.base):
            base = record_base(self.context)
            self._print(1, BASE, BASE_KIND, str(base.manifest.settings["base"]))
            return base
        result = convert_base(self.context)
        self._print(1, BASE, BASE_KIND, result.status)
        if self.store:
            self.store.upload(f"checkpoints/{BASE}")
        return result.rung

    def _call(self, step: Step, rungs: Mapping[str, RungResult]) -> Callable[[], StepResult]:
        """A step as a function that can be sent to another process."""
        if stage := step.stage:
            rung = rungs[self._best(stage.parent, rungs) if stage.from_best else stage.parent]
            call = partial(make, self.context, step, stage, rung, self.data[stage.name])
        else:
            rung = rungs[step.rung]
            call = partial(evaluate, self.context, step, rung, self.questions)
        if not self.store:
            return call
        inputs = inputs_of(rung)
        if kept_from := getattr(step.stage.settings, "kept_from", None) if step.stage else None:
            inputs += ((f"checkpoints/{kept_from}", rungs[kept_from].manifest.content),)
        return partial(with_store, self.store, inputs, output_of(step), call)

    def _best(self, name: str, rungs: Mapping[str, RungResult]) -> str:
        """The rung of a sweep's best point."""
        sweep = next(sweep for sweep in self.context.recipe.sweeps if sweep.name == name)
        best = score(sweep, rungs).best.point.stage
        print(f"    the best of {name} by {sweep.criterion} is {best}", flush=True)
        return best

    def _report(self, step: Step, result: StepResult) -> None:
        """Print what a step did, and check what can be known only after it."""
        rung = result.rung
        self._print(step.number, step.rung, step.kind, result.status)
        for sweep in self.context.recipe.sweeps if step.stage else ():
            if step.rung in [point.stage for point in sweep.points]:  # after the first point, not after the last
                check_metric(sweep.criterion, rung.name, rung.manifest.metrics)
        if self.store and not step.stage:
            self.store.download_latest(output_of(step))
        damaged = (rung.record or {}).get("prefix_sharing", {}).get("cache_damaged")
        if damaged and result.status != "unchanged":
            print(f"    {damaged:,} damaged answers of the cache were computed again", flush=True)
        for entry in (rung.record or {}).get("skipped", ()):
            print(f"    skipped: {entry['reason']}", flush=True)

    def _print(self, number: int, name: str, kind: str, status: str) -> None:
        print(f"{self.context.label(number, name, kind)}  {status}", flush=True)
