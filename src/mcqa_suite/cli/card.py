"""`mcqa card`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN

EXAMPLES = (
    "mcqa card runs/demo/checkpoints/gptq4",
    "mcqa card runs/gptq4 runs/eval-gptq4 runs/eval-sft -o card.md",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of a checkpoint that a stage made")
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help=f"a run of the checkpoint and one of its parent (default: those of the recipe that made it): {RUN}",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the file (default: README.md in the checkpoint)"
    )
    parser.add_argument(
        "--base-model",
        metavar="OWNER/NAME",
        help="the parent's name on the hub (default: the base, where it is on the hub)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the card and write nothing")
    parser.set_defaults(run=run)


def run(checkpoint: Path, runs: list[str], dry_run: bool, **options: Any) -> None:
    from mcqa_suite.api.card import card

    result = card(checkpoint, *runs, dry_run=dry_run, **options)
    if dry_run:
        print(result.text, end="")
        return
    scores = f"scores of {', '.join(map(str, result.runs))}" if result.runs else "no scores: it was not evaluated"
    print(f"{result.output}: {scores}")
    for path in result.results:
        print(f"{path}: a result for the hub's leaderboard")
    if result.yours:
        print(f"yours, not changed: {', '.join(result.yours)}")
