"""`mcqa orders`."""

import argparse

from mcqa_suite.cli.arguments import RUN, add_style, fail_if_any
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa orders runs/base runs/gptq4",
    "mcqa orders runs/base",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{RUN}; the others are compared with the first")
    add_style(parser, "csv")
    parser.set_defaults(run=run)


def run(runs: list[str], style: str | None) -> None:
    from mcqa_suite.api.repeats import orders

    result = orders(*runs)
    print_markdown(result.text(style or "md"), style)
    fail_if_any(result.problems)
