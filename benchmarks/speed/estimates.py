"""Compare `mcqa run --estimate` with the seconds that the manifests of a finished run have.

    python benchmarks/speed/estimates.py training/configs/demo.yaml runs/demo

The machine must be the one that made the run, and quiet. The exit code is 1 if the sum over all steps is more than 30 % away.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcqa_suite.backend.costs import measure_machine
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.estimate import estimate
from mcqa_suite.ladder.recipe import read_recipe

BAR = 0.3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("run", type=Path)
    args = parser.parse_args()
    recipe = read_recipe(args.recipe)
    machine = measure_machine(recipe.dtype)
    print(f"{machine.operations / 1e9:.0f} GFLOP/s, {machine.bytes / 1e9:.1f} GB/s\n")
    print("| step | kind | estimated s | took s | ratio |\n|---|---|---:|---:|---:|")
    sums = [0.0, 0.0]
    for step in estimate(recipe, machine):
        folder = "evaluations" if step.kind == "evaluate" else "checkpoints"
        took = read_manifest(args.run / folder / step.name).seconds
        sums = [sums[0] + step.seconds, sums[1] + took]
        print(f"| {step.name} | {step.kind} | {step.seconds:.0f} | {took:.0f} | {took / step.seconds:.2f} |")
    print(f"| all | | {sums[0]:.0f} | {sums[1]:.0f} | {sums[1] / sums[0]:.2f} |")
    return int(abs(sums[0] / sums[1] - 1) > BAR)


if __name__ == "__main__":
    sys.exit(main())
