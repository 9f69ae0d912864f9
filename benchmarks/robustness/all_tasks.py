"""Run every task of the suite in the harness with its `dummy` model, offline.

    python benchmarks/robustness/all_tasks.py [--limit 8]

Bundled questions are real; GPQA (gated), SciQ and GSM-Symbolic (not to be redistributed) are made-up rows in their schema.
The `_apply` tasks are left out: they ask with rules that another run wrote. The dummy model answers at random: the run
checks only that every document loads, renders and is scored.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))
os.environ["HF_HUB_OFFLINE"] = "1"

from helpers.dataset_rows import gpqa_rows, gsm_symbolic_rows, sciq_rows, write_dataset  # noqa: E402

from mcqa_suite.harness.tasks import manager  # noqa: E402

NEEDS_RULES = "_apply"  # tasks that ask with rules which another run described


def assemble(shared: Path) -> None:
    """A hub folder with made-up rows of the data sets that are not bundled."""
    splits = ("train", "validation", "test")
    write_dataset(shared / "hub", "allenai/sciq", "default", {split: sciq_rows() for split in splits})
    for config in ("main", "p1", "p2"):
        write_dataset(shared / "hub", "apple/GSM-Symbolic", config, {"test": gsm_symbolic_rows()})
    for config in ("gpqa_main", "gpqa_diamond", "gpqa_extended"):
        write_dataset(shared / "hub", "Idavidrein/gpqa", config, {"train": gpqa_rows()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=8)
    args = parser.parse_args()
    from lm_eval import simple_evaluate

    with tempfile.TemporaryDirectory() as shared:
        assemble(Path(shared))
        os.environ["MCQA_SHARED"] = shared
        tasks = manager()
        names = sorted(name for name in tasks.all_subtasks if not name.endswith(NEEDS_RULES))
        results = simple_evaluate("dummy", tasks=names, task_manager=tasks, limit=args.limit, bootstrap_iters=0)
    print("| task | documents run | of | metrics |\n|---|---:|---:|---|")
    for task, samples in sorted(results["samples"].items()):
        total = results["n-samples"][task]["original"]
        print(f"| {task} | {len(samples)} | {total} | {', '.join(samples[0]['metrics'])} |")
    missing = sorted(set(manager().all_subtasks) - set(results["samples"]))
    print(f"\n{len(results['samples'])} tasks run, {len(missing)} not run{': ' if missing else ''}{', '.join(missing)}")


if __name__ == "__main__":
    main()
