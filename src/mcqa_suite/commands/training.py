"""`mcqa run`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    run = commands.add_parser("run", help="climb a ladder: train, quantise, evaluate, compare")
    run.add_argument("recipe", type=Path, help="YAML, e.g. training/configs/demo.yaml")
    run.add_argument("--output", type=Path, help="run folder (default: the recipe's)")
    run.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> None:
    from mcqa_suite.ladder import run
    from mcqa_suite.outcome import save_leaderboard, save_report

    result = run(args.recipe, output=args.output)
    print(f"\n{save_leaderboard(result)}\n{result.seconds:.0f} s; tables in {result.output}/leaderboard.md and .csv")
    print(save_report(result))
