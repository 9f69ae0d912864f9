"""`mcqa data`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import command


def add(commands: Any) -> None:
    parser = command(
        commands,
        "data",
        "print training rows by source and topic; optionally write them or draw a figure",
        "mcqa data training/configs/demo.yaml --figure mix.svg",
    )
    parser.add_argument(
        "data", nargs="+", type=Path, metavar="DATA", help="YAML of a stage or a recipe, or JSONL of rows"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE.svg", help="draw the table as a figure")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.jsonl", help="write the rows, one per line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.common.files import write_file
    from mcqa_suite.ladder.audit_inputs import read_data
    from mcqa_suite.training_data.sources.composition import mix_figure, mix_table

    rows = read_data(args.data).rows
    print(mix_table(rows), end="")
    if args.figure:
        write_file(args.figure, mix_figure(rows))
    if args.output:
        write_file(args.output, "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows))
