"""`mcqa variance`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_filter, add_style, fail_if_any
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa variance runs/base runs/gptq4 -o variance",
    "mcqa variance runs/base",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN}; the others are compared with the first")
    parser.add_argument("--metric", default="acc", help="a metric that is 0 or 1 for each document (default: acc)")
    add_filter(parser)
    parser.add_argument(
        "--worst", type=int, default=20, metavar="N", help="worst templates to list per task (default: 20)"
    )
    add_style(parser, "csv")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write variance.md, .csv and .svg")
    parser.set_defaults(run=run)


def run(runs: list[str], worst: int, style: str | None, output: Path | None, **options: Any) -> None:
    from mcqa_suite.api.repeats import variance

    result = variance(*runs, **options)
    print_markdown(result.text(style or "md", worst), style)
    if output:
        result.save(output, worst)
    fail_if_any(result.problems)
