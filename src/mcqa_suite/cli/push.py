"""`mcqa push`."""

import argparse
from pathlib import Path
from typing import Any

EXAMPLES = (
    "mcqa push runs/demo/checkpoints/gptq4 --to jane/smollm2-gptq4 --dry-run",
    "mcqa push runs/demo/checkpoints/gptq4 --to jane/smollm2-gptq4 --private",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder of a checkpoint")
    parser.add_argument(
        "--to", required=True, metavar="USER/NAME", help="repository of the hub; it is made where there is none"
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--dry-run", action="store_true", help="list the files with their sizes; read no token, send nothing"
    )
    parser.add_argument(
        "--report", metavar="FILE", help="a report to upload too, or none (default: report.html of the recipe's run)"
    )
    parser.add_argument(
        "--card",
        choices=["local", "hub"],
        help="whose words count where people wrote other ones in the same section of the card here and on the hub",
    )
    parser.set_defaults(run=run)


def run(checkpoint: Path, to: str, dry_run: bool, **options: Any) -> None:
    from mcqa_suite.api.push import push

    result = push(checkpoint, to, dry_run=dry_run, **options)
    print(result.text())
    if result.left_out:
        print(f"not uploaded: {', '.join(result.left_out)}")
    if result.yours:
        print(f"on the hub, not changed: {', '.join(result.yours)}")
    print(f"dry run: nothing was sent to {to}" if dry_run else result.address)
