"""What the scheduler of `mcqa run` costs: 1,000 steps that do nothing but write a small log, in order and on a local Ray cluster.

    python benchmarks/speed/scheduler_speed.py [--stages 500]

Each stage is trained from one of ten earlier ones and evaluated, so that there are two steps a stage. Real are the recipe, the
order of the steps, the executors and the table of all rungs at the end; the checkpoints are not. Seconds of a step are those
of the whole run divided by the steps; memory is the largest of this process.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from helpers.log_files import choice_row, write_run  # noqa: E402

from mcqa_suite.backend.random_model import random_model  # noqa: E402
from mcqa_suite.cli.main import main as mcqa  # noqa: E402
from mcqa_suite.ladder.context import LadderContext  # noqa: E402
from mcqa_suite.ladder.on_ray import connected  # noqa: E402
from mcqa_suite.ladder.recipe import Recipe, read_recipe  # noqa: E402
from mcqa_suite.ladder.run import Ladder  # noqa: E402
from mcqa_suite.ladder.stages import record_base  # noqa: E402
from mcqa_suite.ladder.steps import Executor, LocalExecutor, RungResult, Step, StepResult, steps_of  # noqa: E402

QUESTIONS = 50


def recipe_of(folder: Path, stages: int) -> Recipe:
    settings = {"data": [{"source": "arc", "split": "train", "n": 8}]}
    rungs = [
        {"name": f"s{n}", "kind": "sft", "parent": f"s{n // 10}" if n >= 10 else "base", "settings": settings}
        for n in range(stages)
    ]
    base = random_model(folder / "base")
    recipe = {"name": "many", "base": str(base), "stages": rungs, "evaluate": [{"tasks": ["mcqa_epfl"]}]}
    (folder / "many.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return read_recipe(folder / "many.yaml")


def nothing(step: Step, parent: RungResult, output: Path) -> StepResult:
    """What a step returns; an evaluation writes the log of some questions."""
    if step.stage:
        return StepResult(RungResult(step.rung, parent.checkpoint, parent.manifest, None, None), "1 s")
    random = np.random.default_rng(step.number)
    rows = [choice_row("task", doc, random.normal(size=4).tolist(), doc % 4) for doc in range(QUESTIONS)]
    folder = write_run(output / "evaluations" / step.rung, {"task": rows}, model=step.rung)
    return StepResult(RungResult(step.rung, parent.checkpoint, parent.manifest, folder, {}), "1 s")


class EmptyLadder(Ladder):
    """A ladder of which only the scheduling is real."""

    def _call(self, step: Step, rungs: Mapping[str, RungResult]) -> Callable[[], StepResult]:
        return partial(nothing, step, rungs[step.stage.parent if step.stage else step.rung], self.context.output)


@contextmanager
def executors(way: str, recipe: Recipe, steps: tuple[Step, ...], folder: Path) -> Iterator[Executor]:
    if way == "Ray":
        with connected("local", recipe, steps, folder) as executor:
            yield executor
    else:
        yield LocalExecutor(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=int, default=500)
    args = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY / "tests")}
    print("| way | steps | s | ms a step | table of all rungs, s | rows of the table | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for way in ("in order", "Ray"):
        with tempfile.TemporaryDirectory() as scratch, redirect_stdout(io.StringIO()):
            folder = Path(scratch)
            recipe = recipe_of(folder, args.stages)
            steps = steps_of(recipe)
            context = LadderContext(recipe, folder, (), 1 + len(steps), None, remote=way == "Ray")
            record_base(context)
            with executors(way, recipe, steps, folder) as executor:
                start = time.perf_counter()
                EmptyLadder(context, steps, {}, {}, executor, None).run()
                seconds = time.perf_counter() - start
                executor.close()
            start = time.perf_counter()
            logs = sorted(str(path) for path in (folder / "evaluations").iterdir())
            with redirect_stdout(io.StringIO()) as printed:
                code = mcqa(["table", *logs, "--format", "csv"])
            table = time.perf_counter() - start
            rows = len(printed.getvalue().splitlines()) - 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cells = [way, f"{len(steps):,}", f"{seconds:.1f}", f"{1000 * seconds / len(steps):.0f}", f"{table:.1f}"]
        print(f"| {' | '.join(cells)} | {rows} | {peak:.0f} |" + (f" exit code {code}" if code else ""), flush=True)


if __name__ == "__main__":
    main()
