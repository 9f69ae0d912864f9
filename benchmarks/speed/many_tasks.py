"""Seconds and memory of `mcqa compare`, `table` and `report` on two runs of many tasks; the logs are made up.

    python benchmarks/speed/many_tasks.py                   # 3,000 tasks of 5 documents, without groups and with 101
    python benchmarks/speed/many_tasks.py --tasks 500

Then results files of a few kilobytes whose groups name each other, or one group many times over. Every measurement is a separate
process. The exit code is 1 if a bar is missed: `table` takes at most twice as long as `compare`, `report` at most three times as
long, and each of the small results files at most 5 seconds more than one without groups.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare_speed import COMPARE, STAMP, measure, write_log

TABLE = """
import contextlib, io
from mcqa_suite.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["table", *sys.argv[1:]]) == 0
"""
REPORT = """
import contextlib, io
from mcqa_suite.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["report", sys.argv[2], "--base", sys.argv[1], "-o", sys.argv[3]]) == 0
"""
MOST_TIMES = {"compare": 1.0, "table": 2.0, "report": 3.0}  # the processor time of `compare`
OF_ONE_GROUP = 30  # tasks


def with_groups(run: Path, groups: dict[str, list[str]]) -> None:
    """Add groups with the pooled mean to the results file of a run."""
    path = run / f"results_{STAMP}.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    mean = {"acc,none": 0.5, "aggregate_metric_list": [{"metric": "acc", "weight_by_size": True}]}
    results |= {"group_subtasks": groups, "groups": dict.fromkeys(groups, mean)}
    path.write_text(json.dumps(results), encoding="utf-8")


def nested_groups(tasks: int) -> dict[str, list[str]]:
    """Groups of OF_ONE_GROUP tasks each, and one over all of these groups."""
    names = [f"task_{index}" for index in range(tasks)]
    groups = {f"group_{i}": names[i : i + OF_ONE_GROUP] for i in range(0, tasks, OF_ONE_GROUP)}
    return {**groups, "all": list(groups)}


def commands(what: str, runs: list[Path], page: Path) -> bool:
    """Measure the three commands on two runs; whether the bars are met."""
    words, base, met = [str(run) for run in runs], 0.0, True
    for name, body, more in (("compare", COMPARE, []), ("table", TABLE, []), ("report", REPORT, [str(page)])):
        seconds, busy, megabytes = measure(body, *words, *more)
        base = base or busy
        met &= busy / base <= MOST_TIMES[name]
        size = f" ({page.stat().st_size / 1e6:.1f} MB)" if more else ""
        print(
            f"| {what}: {name}{size} | {seconds:.1f} | {busy:.1f} | {busy / base:.2f} | {megabytes:.0f} | "
            f"{MOST_TIMES[name]:g} |",
            flush=True,
        )
    return met


def odd_groups() -> dict[str, dict[str, list[str]]]:
    """Groups that no harness writes, in files of a few kilobytes."""
    names = [f"g{index}" for index in range(15)]
    chain = {f"g{index}": [f"g{index + 1}"] * 10 for index in range(40)} | {"g40": ["task_0"]}
    deep = {f"g{index}": [f"g{index + 1}"] for index in range(3000)} | {"g3000": ["task_0"]}
    return {
        "without groups": {},
        "15 groups that all name each other": {name: [other for other in names if other != name] for name in names},
        "40 groups, each of which names the next ten times": chain,
        "one group that names a task 5,000 times": {"g": ["task_0"] * 5000},
        "3,000 groups inside one another": deep,
    }


def table_of(run: Path) -> tuple[float, str]:
    """Seconds of `mcqa table` on a run, and its error, "" for none."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "mcqa_suite.cli.main", "table", str(run)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    lines = done.stderr.strip().replace(f"{run}/", "").splitlines()
    return time.perf_counter() - start, " / ".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=3000)
    parser.add_argument("--documents", type=int, default=5, help="of each task")
    args = parser.parse_args()
    print(
        "| what | seconds | of the processor | times compare | peak MB | most times |\n|---|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder) / name for name in ("base", "variant")]
        for index, run in enumerate(runs):
            write_log(run, run.name, args.tasks * args.documents, args.tasks, 0.3 * index, index)
        page = Path(folder) / "report.html"
        what = f"{args.tasks} tasks x {args.documents} documents x 2 runs"
        met = commands(f"{what}, no groups", runs, page)
        groups = nested_groups(args.tasks)
        for run in runs:
            with_groups(run, groups)
        met &= commands(f"{what}, {len(groups)} groups", runs, page)
    print("\n| groups of a results file | bytes | seconds of table | what it says |\n|---|---:|---:|---|")
    fastest = 0.0
    for what, groups in odd_groups().items():
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            write_log(run, "run", 20, 1, 0.0, 0)
            with_groups(run, groups)
            seconds, error = table_of(run)
        fastest = fastest or seconds
        met &= seconds <= fastest + 5
        print(f"| {what} | {len(json.dumps(groups))} | {seconds:.1f} | {error or 'a table'} |", flush=True)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
