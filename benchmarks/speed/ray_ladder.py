"""Compare a ladder on two Ray nodes with one that runs in order: results and seconds.

python benchmarks/speed/ray_ladder.py [--repeats 1] [--start runs/demo]

Runs the demo's GPTQ rungs and every evaluation from copies of the same SFT checkpoint: in order, then on a cluster
of two nodes with one core each (`ray.cluster_utils`), whose start is not timed, with MCQA_CACHE=off. The exit code is 1 if
the tables or the checkpoints differ, or if the cluster is less than 1.5 times as fast on two cores.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from mcqa_suite.common.manifest import read_manifest, usable_cores
from mcqa_suite.common.paths import training_dir
from mcqa_suite.common.speed import Speed
from mcqa_suite.ladder.recipe import read_recipe, until
from mcqa_suite.ladder.run import run_recipe

RECIPE = training_dir() / "configs" / "demo.yaml"
STAGES = ("sft",)
SPEEDUP = 1.5
SPEEDS = {field.name for field in dataclasses.fields(Speed)}  # columns that differ from run to run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--start", type=Path, default=Path("runs/demo"), help="a run of the demo to take SFT from")
    args = parser.parse_args()
    os.environ |= {"MCQA_CACHE": "off", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.pop("OMP_NUM_THREADS", None)  # the recipe's threads, on both sides
    with tempfile.TemporaryDirectory() as name, two_nodes() as address:
        folder = Path(name)
        start = begin(folder / "start", args.start)
        ways = {"in order": ["--jobs", "1"], "two Ray nodes": ["--ray", address]}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        outcomes: dict[str, Any] = {}
        for repeat in range(args.repeats):
            for way, options in ways.items():
                output = folder / f"{way} {repeat}"
                shutil.copytree(start, output)
                seconds[way].append(run(output, options))
                outcomes.setdefault(way, outcome(output))
    return report(seconds, outcomes)


@contextmanager
def two_nodes() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield cluster.address
    finally:
        cluster.shutdown()


def begin(folder: Path, source: Path) -> Path:
    """A run's folder with the SFT and the DPO checkpoint: those of `source` if they are up to date."""
    for stage in STAGES:
        if (source / "checkpoints" / stage).is_dir():
            shutil.copytree(source / "checkpoints" / stage, folder / "checkpoints" / stage)
    with redirect_stdout(sys.stderr):
        run_recipe(dataclasses.replace(until(read_recipe(RECIPE), STAGES[-1]), evaluate=()), folder)
    return folder


def run(output: Path, options: list[str]) -> float:
    """Seconds of `mcqa run`, from command to report."""
    command = [sys.executable, "-m", "mcqa_suite.cli.main", "run", str(RECIPE), "--output", str(output), *options]
    before = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = time.perf_counter()
    print("".join(f"    {line}\n" for line in done.stdout.splitlines() if line.startswith("[")), file=sys.stderr)
    if done.returncode or done.stdout.count(" unchanged") != len(STAGES):
        sys.exit(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return after - before


def outcome(output: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The leaderboard without its speeds, and the content of every checkpoint."""
    rows = list(csv.DictReader((output / "leaderboard.csv").read_text(encoding="utf-8").splitlines()))
    contents = {path.name: read_manifest(path).content for path in sorted((output / "checkpoints").glob("[!.]*"))}
    return [{key: value for key, value in row.items() if key not in SPEEDS} for row in rows], contents


def report(seconds: dict[str, list[float]], outcomes: dict[str, Any]) -> int:
    print(f"| way | seconds (fastest of {len(next(iter(seconds.values())))}) | times as fast |\n|---|---:|---:|")
    best = {way: min(values) for way, values in seconds.items()}
    slow, fast = best.values()
    for way, value in best.items():
        print(f"| {way} | {value:.1f} | {slow / value:.2f} |")
    (rows, contents), (other_rows, other_contents) = outcomes.values()
    same = rows == other_rows
    equal = [name for name in contents if contents[name] == other_contents.get(name)]
    print(f"\nThe tables are {'the same' if same else 'NOT the same'} in {len(rows)} rows, speeds aside; ", end="")
    print(f"{len(equal)} of {len(contents)} checkpoints have the same content. Cores: {usable_cores()}.")
    enough = slow / fast >= SPEEDUP or usable_cores() < 2
    return int(not (same and enough and len(equal) == len(contents)))


if __name__ == "__main__":
    sys.exit(main())
