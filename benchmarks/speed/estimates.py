"""Compare `mcqa run --estimate` with the seconds that the manifests of a finished run have.

    python benchmarks/speed/estimates.py training/configs/demo.yaml runs/demo

The machine must be the one that made the run, and quiet. The exit code is 1 if a step of 20 seconds or more took over three
times as long as estimated, or less than a third.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcqa_suite.backend.costs import measure_machine
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.estimate import estimate
from mcqa_suite.ladder.recipe import read_recipe

SHORT, FACTOR = 20.0, 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("run", type=Path)
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    machine = measure_machine(recipe.dtype)
    print(f"{machine.operations / 1e9:.0f} GFLOP/s, {machine.bytes / 1e9:.1f} GB/s\n")
    print("| step | kind | estimated s | took s | ratio |\n|---|---|---:|---:|---:|")
    within = True
    for step in estimate(recipe, machine):
        folder = "evaluations" if step.kind == "evaluate" else "checkpoints"
        took = read_manifest(args.run / folder / step.name).seconds
        ratio = took / step.seconds
        within &= max(took, step.seconds) < SHORT or 1 / FACTOR <= ratio <= FACTOR
        print(f"| {step.name} | {step.kind} | {step.seconds:.0f} | {took:.0f} | {ratio:.2f} |")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
