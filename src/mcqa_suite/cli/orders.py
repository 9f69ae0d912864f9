"""`mcqa orders`."""

from __future__ import annotations

import argparse
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_format, command


def add(commands: Any) -> None:
    parser = command(
        commands,
        "orders",
        "show how the order of the options changes the accuracy on mcqa_*_perm tasks",
        "mcqa orders runs/base runs/gptq4",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN}; the others are compared with the first")
    add_format(parser, "csv")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.api.repeats import orders

    print(orders(*args.runs).text(args.format), end="")
