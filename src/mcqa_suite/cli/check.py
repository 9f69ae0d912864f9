"""`mcqa check`."""

from __future__ import annotations

import argparse
from typing import Any

from mcqa_suite.cli.arguments import command, json_object


def add(commands: Any) -> None:
    parser = command(
        commands,
        "check",
        "load tasks and render every document, without a model",
        """mcqa check mcqa_epfl --metadata '{"epfl_file": "exam.jsonl"}'""",
    )
    parser.add_argument("names", nargs="+", metavar="TASK")
    parser.add_argument("--metadata", type=json_object, default={}, metavar="JSON", help="as for lm_eval")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.evaluation.check import check

    for line in check(args.names, args.metadata):
        print(line)
