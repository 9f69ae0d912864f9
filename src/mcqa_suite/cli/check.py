"""`mcqa check`."""

import argparse
from typing import Any

from mcqa_suite.cli.arguments import add_metadata

EXAMPLE = """mcqa check mcqa_epfl --metadata '{"epfl_file": "exam.jsonl"}'"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="TASK")
    add_metadata(parser)
    parser.set_defaults(run=run)


def run(names: list[str], metadata: dict[str, Any]) -> None:
    from mcqa_suite.evaluation.check import check

    for line in check(names, metadata):
        print(line)
