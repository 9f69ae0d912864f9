"""`mcqa variance`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_format, command


def add(commands: Any) -> None:
    parser = command(
        commands,
        "variance",
        "show the spread over draws, harder variants and single templates of GSM-Symbolic and symbolic_local",
        "mcqa variance runs/base runs/gptq4 -o variance",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN}; the others are compared with the first")
    parser.add_argument("--metric", default="acc", help="a metric that is 0 or 1 for each document (default: acc)")
    parser.add_argument(
        "--worst", type=int, default=20, metavar="N", help="worst templates to list per task (default: 20)"
    )
    add_format(parser, "csv")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write variance.md, .csv and .svg")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.api.repeats import variance

    result = variance(*args.runs, metric=args.metric)
    print(result.text(args.format, args.worst), end="")
    if args.output:
        result.save(args.output, args.worst)
