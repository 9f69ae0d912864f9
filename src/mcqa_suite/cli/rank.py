"""`mcqa rank`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_judge
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa rank base=base.jsonl sft=sft.jsonl --judge http://localhost:8000/v1",
    "mcqa rank base.jsonl sft.jsonl --judge http://localhost:8000/v1 --listwise -o ranking",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "responses", nargs="+", metavar="RESPONSES", help="output of `mcqa preferences sample`: FILE or NAME=FILE"
    )
    add_judge(parser, required=True)
    parser.add_argument("--judge-prompt", type=Path, metavar="FILE", help="instructions with {prompt} {first} {second}")
    parser.add_argument("--listwise", action="store_true", help="show the judge all responses at once instead of two")
    parser.add_argument("--embedding", metavar="MODEL", help="encoder that measures the similarity to the reference")
    parser.add_argument("--seed", type=int, default=0, help="seed for the order in which responses are shown")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("ranking"),
        metavar="DIR",
        help="folder for tables, figure and verdicts (default: ranking)",
    )
    parser.set_defaults(run=run, extra="rank")


def run(responses: list[str], output: Path, embedding: str | None, **options: Any) -> None:
    from mcqa_suite.api.preferences import rank

    result = rank(*responses, verdicts=output / "verdicts.jsonl", embedding=embedding, **options)
    if n := len(result.alone):
        print(f"mcqa: skipped {n} prompts that not every model answered ({result.alone[0]}, ...)", file=sys.stderr)
    if not embedding:
        print("mcqa: similarity to the references was not computed; set --embedding", file=sys.stderr)
    result.save(output)
    print_markdown(f"{result.text()}\n\n{output}: ranking.md, ranking.csv, ranking.svg, verdicts.jsonl\n")
