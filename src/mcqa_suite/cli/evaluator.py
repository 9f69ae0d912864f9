"""`mcqa evaluator`."""

import argparse
from pathlib import Path

from mcqa_suite.cli.arguments import add_style
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa evaluator evaluator.yaml",
    "mcqa evaluator mine.yaml -o metrics.json --logs runs/evaluator",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "config",
        metavar="CONFIG",
        help="YAML file: checkpoint, reference, pairs, questions, quantised (docs/evaluator.md)",
    )
    add_style(parser, "json")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("metrics.json"),
        metavar="FILE",
        help="the file (default: metrics.json)",
    )
    parser.add_argument(
        "--logs",
        type=Path,
        default=Path("runs/evaluator"),
        metavar="DIR",
        help="folder for the logs of the questions, which mcqa compare reads (default: runs/evaluator)",
    )
    parser.set_defaults(run=run, extra="eval")


def run(config: str, style: str | None, output: Path, logs: Path) -> None:
    from mcqa_suite.api.evaluator import evaluator

    result = evaluator(config, logs=logs)
    result.save(output)
    print_markdown(result.text(style or "md"), style)
    if style != "json":
        print(f"\n{output}")
