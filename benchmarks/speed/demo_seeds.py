"""Run the demo's recipe with three seeds: what it shows each time, and how long it takes.

    python benchmarks/speed/demo_seeds.py [--seeds 0 1 2] [--folder runs/demo-seeds]

For each seed: what 8 bits lose at most, whether 2 bits are above chance, what fine-tuning brought on each task, and the share
of written answers that cannot be read. A seed whose run is complete in the folder is read again; its seconds are not known.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

import mcqa_suite
from mcqa_suite.common.paths import training_dir

RECIPE = training_dir() / "configs" / "demo.yaml"


def run(seed: int, folder: Path) -> float | None:
    """Run the recipe with a seed; the seconds that it took, None where it had been run."""
    output = folder / str(seed)
    fresh = not (output / "leaderboard.md").is_file()
    recipe = folder / f"demo{seed}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    recipe.write_text(yaml.safe_dump(yaml.safe_load(RECIPE.read_text("utf-8")) | {"seed": seed}), encoding="utf-8")
    start = time.perf_counter()
    command = [sys.executable, "-m", "mcqa_suite.cli.main", "run", str(recipe), "--output", str(output)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return time.perf_counter() - start if fresh else None


def rows(seed: int, folder: Path) -> list[str]:
    """The Markdown rows of a seed, one for each difference that the demo shows."""
    runs = [f"{name}={folder / str(seed) / 'evaluations' / name}" for name in ("base", "sft", "gptq8", "gptq2")]
    lines = []
    for row in mcqa_suite.compare(*runs).to_frame().to_dict("records"):
        shares = [f"{100 * row[name]:.1f}" for name in ("base", "value")]
        points = [f"{100 * row[name]:+.1f}" for name in ("difference", "bound")]
        unread = [f"{100 * row[name]:.0f}" for name in ("unread_base", "unread_variant") if pd.notna(row[name])]
        chance = f"{100 * row['chance']:.1f}" if pd.notna(row["chance"]) else ""
        cells = (
            seed,
            row["variant"],
            row["parent"],
            row["task"],
            *shares,
            *points,
            row["verdict"],
            chance,
            " → ".join(unread),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=Path("runs/demo-seeds"))
    args = parser.parse_args()
    seconds = {seed: run(seed, args.folder) for seed in args.seeds}
    header = "seed | variant | parent | task | parent % | variant % | points | at worst | verdict | chance % | unread %"
    print(f"| {header} |\n|{'---|' * 4}{'---:|' * 4}---|{'---:|' * 2}")
    for seed in args.seeds:
        print("\n".join(rows(seed, args.folder)))
    times = ", ".join(f"{value:.0f} s (seed {seed})" for seed, value in seconds.items() if value is not None)
    print(f"\nThe whole ladder: {times}." if times else "")


if __name__ == "__main__":
    main()
