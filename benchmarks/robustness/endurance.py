"""Kill, interrupt and damage ladders, resume them, and compare the results with an unbroken run.

python benchmarks/robustness/endurance.py [--recipe training/configs/demo.yaml] [--kills 25] [--seed 0] [--keep FOLDER]

Each trial draws a moment uniformly from the seconds of the unbroken run. It starts from a copy of that run, cut back to what
existed when the step of that moment began, with an empty cache. The ladder is started, killed at that moment (SIGKILL to the
driver and all its descendants), and resumed by the same command. Every fifth trial resumes to the end. The others resume up to
the rung in progress; if all checkpoints then have the same content hashes as the unbroken run, its later folders are copied in,
and the ladder runs to its end, which reuses a folder only if its hash is right.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import endurance_cases
from endurance_ladder import Ladder, Step, Unbroken, cut_back, equal, last_lines, on_disk, put_back, unbroken

from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.recipe import read_recipe

WHOLE = 5  # of so many trials, one resumes to its end with nothing copied in


@dataclass(frozen=True)
class Trial:
    number: int
    moment: str
    left: str
    resumed: str
    same: str
    seconds: float


def trial(run: Unbroken, number: int, seed: int, home: Path) -> Trial:
    """Kill a ladder and resume it. If it ends before the drawn moment, draw another."""
    begin = time.monotonic()
    draws, step, into = random.Random(f"{seed}:{number}"), run.steps[0], -1.0
    while into < 0:
        shutil.rmtree(home, ignore_errors=True)
        moment = draws.uniform(0, run.seconds)
        step = next(each for each in run.steps if moment < each.end or each is run.steps[-1])
        into = killed(run, step, moment - step.begin, home)
    left = on_disk(home / "run", home / "cache.sqlite")
    codes, resumed = [], ""
    if number % WHOLE and (stage := last_stage(run, step)):
        codes.append(finish(run, home, until=stage))
        resumed = put_back(run, home / "run")
    codes.append(finish(run, home))
    same = equal(run, home / "run") if not any(codes) else f"NO: exit {codes}, {last_line(home)}"
    name = f"{step.name}, {into:.1f} of {step.end - step.begin:.1f} s"
    done = Trial(number, name, left, resumed or "to the end", same, time.monotonic() - begin)
    if same == "yes":
        shutil.rmtree(home)
    return done


def killed(run: Unbroken, step: Step, after: float, home: Path) -> float:
    """Start a ladder at `step` and kill it `after` seconds later; returns the seconds, or -1 if it had ended."""
    folder = home / "run"
    cut_back(run, step, folder)
    ladder = Ladder(run.recipe, home, folder)
    ladder.wait_for(step, folder)
    begin = time.monotonic()
    while not ladder.over and time.monotonic() - begin < after:
        time.sleep(0.01)
    if ladder.over:
        return -1.0
    ladder.kill()
    return time.monotonic() - begin


def finish(run: Unbroken, home: Path, until: str = "") -> int:
    return Ladder(run.recipe, home, home / "run", until=until).wait()


def last_line(home: Path) -> str:
    newest = max(home.glob("output.*"), key=lambda path: int(path.suffix[1:]))
    return " ".join(last_lines(newest.read_text(encoding="utf-8", errors="replace")))


def last_stage(run: Unbroken, step: Step) -> str:
    """The stage of a step, or the recipe's first for a step without one; "" for the tables."""
    if step is run.steps[-1]:
        return ""
    rung = step.folder.rpartition("/")[2]
    stages = [stage.name for stage in read_recipe(run.recipe).stages]
    return rung if rung in stages else stages[0] if stages else ""


def trials(run: Unbroken, args: argparse.Namespace, home: Path) -> list[Trial]:
    """Run all trials, except those that an earlier call has written to the log."""
    log = home / f"trials-{args.seed}.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    done = {(result := Trial(**json.loads(line))).number: result for line in lines}

    def run_trial(number: int) -> Trial:
        result = done.get(number) or trial(run, number, args.seed, home / f"trial{number}")
        if number not in done:
            with log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(result)) + "\n")
        print(f"trial {number}: {result.moment}: {result.same}, {result.seconds:.0f} s", file=sys.stderr, flush=True)
        return result

    with ThreadPoolExecutor(args.jobs) as pool:
        return list(pool.map(run_trial, range(1, args.kills + 1)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=training_dir() / "configs/demo.yaml")
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument(
        "--keep", type=Path, help="a folder for the trials; a later call with the same folder reuses its results"
    )
    parser.add_argument(
        "--cases", nargs="*", choices=list(endurance_cases.CASES), help="the other cases to run (default: all)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = (args.keep or Path(scratch)).resolve()
        run = unbroken(args.recipe.resolve(), home / "unbroken")
        print(f"The unbroken run of {args.recipe.name}: {run.seconds:.0f} s, {len(run.table)} rows of scores.\n")
        print(" ".join((__doc__ or "").split("\n\n")[2].split()) + "\n")
        same = report_kills(trials(run, args, home)) if args.kills else True
        names = list(endurance_cases.CASES) if args.cases is None else args.cases
        same = endurance_cases.report(run, names, home) and same
    return int(not same)


def report_kills(results: list[Trial]) -> bool:
    print("| kill | step in progress | on disk | resumed | same table | s |\n|---:|---|---|---|---|---:|")
    for each in results:
        print(f"| {each.number} | {each.moment} | {each.left} | {each.resumed} | {each.same} | {each.seconds:.0f} |")
    same = sum(each.same == "yes" for each in results)
    print(f"\n{same} of {len(results)} killed ladders ended with the table of the unbroken run.\n", flush=True)
    return same == len(results)


if __name__ == "__main__":
    sys.exit(main())
