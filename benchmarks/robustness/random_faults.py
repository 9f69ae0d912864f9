"""Run a small ladder many times, each time with a random fault, and rerun it without: does the table equal a fresh one's?

python benchmarks/robustness/random_faults.py [--runs 50] [--seed 0] [--keep FOLDER] [--only KIND ...]

The ladder makes a random model, trains it for two steps and evaluates both. Kinds and moments of the faults are drawn from the
seed and the number of the run, so that a run can be repeated alone. With `--keep` a later call goes on where an earlier one
stopped. A run passes if
- its message is one line that names the cause, without a traceback, wherever the exit code is 2;
- the rerun exits with 0 and has the rows of the fresh run's leaderboard.csv, apart from speeds and times;
- no process, temporary file or half-written folder is left behind.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from endurance_ladder import scores
from fault_kinds import KINDS, CannotShowError, Home, left_behind

RECIPE = """\
name: small
base: random-model
threads: 1
stages:
  - name: sft
    kind: sft
    parent: base
    settings: {data: [{source: symbolic_local, n: 16}], trainer: {max_steps: 2, per_device_train_batch_size: 4}}
evaluate:
  - {tasks: [mcqa_epfl], limit: 20}
"""


@dataclass(frozen=True)
class Trial:
    """`exits` are the exit codes with the fault and of the rerun; `problem` is "" where the run passed."""

    number: int
    fault: str
    exits: str
    message: str
    problem: str
    seconds: float


def fresh(home: Path) -> Home:
    """The ladder without a fault, run once."""
    ladder = Home(home, home.parent / "recipe.yaml")
    if not (home / "seconds").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        start = time.monotonic()
        process = ladder.start()
        try:
            if process.wait() != 0:
                sys.exit(f"the fresh run failed: {process.output.strip().splitlines()[-1:]}")
            if problem := left_behind(ladder):
                sys.exit(f"the fresh run: {problem}")
        finally:
            ladder.close()
        (home / "seconds").write_text(str(time.monotonic() - start), encoding="utf-8")
    return ladder


def table_of(home: Home) -> list[dict[str, str]]:
    """The rows of the leaderboard; empty where there is none."""
    return scores(home.run) if (home.run / "leaderboard.csv").is_file() else []


def trial(number: int, seed: int, whole: Home, folder: Path, kinds: list[str]) -> Trial:
    """A run with a fault, and its rerun."""
    start, draws = time.monotonic(), random.Random(f"{seed}:{number}")
    seconds = float((whole.folder / "seconds").read_text(encoding="utf-8"))
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        home = Home(folder, whole.recipe)
        kind = draws.choice(kinds)
        try:
            faulty = KINDS[kind](home, whole, draws, seconds)
            break
        except CannotShowError as error:
            print(f"{kind}: {error}", file=sys.stderr)
            kinds = [other for other in kinds if other != kind]
        except BaseException:
            home.close()
            raise
    try:
        code, problem = rerun(home, whole)
    finally:
        home.close()
    problem = faulty.problem or problem
    if not problem:
        shutil.rmtree(folder)
    exits = f"{faulty.code}, {code}"
    return Trial(number, faulty.fault, exits, faulty.message, problem, time.monotonic() - start)


def rerun(home: Home, whole: Home) -> tuple[int, str]:
    """The exit code of the run without the fault, and what is wrong with what it leaves; "" for nothing."""
    again = home.start()
    if code := again.wait():
        return code, f"the rerun: exit {code}: {' '.join(again.lines[-1:])}"
    return code, "another table" if table_of(home) != table_of(whole) else left_behind(home)


def trials(args: argparse.Namespace, home: Path) -> list[Trial]:
    """Every run, without those that an earlier call has written to the log."""
    (home / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    log = home / f"trials-{args.seed}.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    done = {(result := Trial(**json.loads(line))).number: result for line in lines}
    whole = fresh(home / "fresh")
    for number in range(1, args.runs + 1):
        if number in done:
            continue
        done[number] = trial(number, args.seed, whole, home / f"run{number}", args.only or list(KINDS))
        with log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(done[number])) + "\n")
        print(f"run {number}: {done[number].fault}: {done[number].problem or 'passed'}", file=sys.stderr, flush=True)
    return [done[number] for number in range(1, args.runs + 1)]


def report(results: list[Trial]) -> bool:
    """Print a row for each run and their sum; return whether all passed."""
    print("| run | fault | exit codes | message | passed | s |\n|---:|---|---|---|---|---:|")
    for each in results:
        passed = f"NO: {each.problem}" if each.problem else "yes"
        message = each.message.replace("|", "\\|")
        print(f"| {each.number} | {each.fault} | {each.exits} | {message} | {passed} | {each.seconds:.0f} |")
    kinds = Counter(each.fault.partition(":")[0] for each in results)
    passed = sum(not each.problem for each in results)
    print(
        f"\n{passed} of {len(results)} runs passed ({', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))})."
    )
    return passed == len(results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the runs; a later call with it goes on")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), help="kinds of faults (default: all)")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # of `timeout`: ends the processes of a trial, too
    with tempfile.TemporaryDirectory() as scratch:
        home = (args.keep or Path(scratch)).resolve()
        home.mkdir(parents=True, exist_ok=True)
        return int(not report(trials(args, home)))


if __name__ == "__main__":
    sys.exit(main())
