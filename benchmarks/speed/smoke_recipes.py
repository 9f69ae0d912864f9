"""Run every recipe in training/configs with --smoke; print the outcome and the seconds of each.

python benchmarks/speed/smoke_recipes.py [RECIPE...]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.stage_settings import SETTINGS

LIMIT = 60.0  # seconds


def main() -> int:
    chosen = [Path(name) for name in sys.argv[1:]]
    recipes = chosen or sorted(
        path for path in (training_dir() / "configs").glob("*.yaml") if path.stem not in SETTINGS
    )
    print("| recipe | rungs | seconds | outcome |\n|---|---:|---:|---|")
    failed = 0
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            command = [
                sys.executable,
                "-m",
                "mcqa_suite.cli.main",
                "run",
                str(recipe),
                "--smoke",
                "--output",
                f"{folder}/run",
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - start
            rungs = len(list(Path(folder).glob("run/checkpoints/*/manifest.json")))
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        outcome = last if done.returncode else "ok" if seconds <= LIMIT else f"ok, over {LIMIT:.0f} s"
        print(f"| {recipe.stem} | {rungs} | {seconds:.0f} | {outcome} |", flush=True)
        for line in done.stdout.splitlines():
            if line.startswith("    ") and ("in place of" in line or "left out" in line or "skipped" in line):
                print(f"{recipe.stem}: {line.strip()}", file=sys.stderr)
        failed += bool(done.returncode)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
