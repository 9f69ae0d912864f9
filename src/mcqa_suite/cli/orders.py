"""`mcqa orders`."""

import argparse

from mcqa_suite.cli.arguments import RUN, add_style

EXAMPLE = "mcqa orders runs/base runs/gptq4"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN}; the others are compared with the first")
    add_style(parser, "csv")
    parser.set_defaults(run=run)


def run(runs: list[str], style: str) -> None:
    from mcqa_suite.api.repeats import orders

    print(orders(*runs).text(style), end="")
