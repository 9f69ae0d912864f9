"""`mcqa table`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_format, command
from mcqa_suite.common.errors import DatasetError


def add(commands: Any) -> None:
    parser = command(
        commands,
        "table",
        "print a leaderboard of runs: tasks, macro mean, size and speed",
        "mcqa table runs/base runs/sft 4-bit=runs/gptq4",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    parser.add_argument("--metric", help="default: acc, else exact_match")
    parser.add_argument("--subset", type=Path, metavar="FILE", help="only the documents in the clean.json of an audit")
    add_format(parser, "csv", "latex")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.api.comparison import leaderboard

    result = leaderboard(args.runs, metric=args.metric, subset=args.subset)
    print(result.text(args.format), end="")
    if result.problems:
        raise DatasetError("\n".join(result.problems))
