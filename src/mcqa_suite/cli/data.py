"""`mcqa data`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    data = commands.add_parser(
        "data",
        help="show what a mix of training rows is made of, and write its rows or its figure",
        description="Prints the rows by source and topic.",
    )
    data.add_argument(
        "data", nargs="+", type=Path, metavar="DATA", help="YAML of a stage or a recipe, or JSONL of rows"
    )
    data.add_argument("--figure", type=Path, metavar="FILE.svg", help="draw the same (needs the extra 'report')")
    data.add_argument("-o", "--output", type=Path, metavar="FILE.jsonl", help="write the rows, one a line")
    data.set_defaults(run=_data)


def _data(args: argparse.Namespace) -> None:
    from mcqa_suite.ladder.audit_inputs import read_data
    from mcqa_suite.training_data.sources.figure import mix_figure, mix_table

    rows = read_data(args.data).rows
    print(mix_table(rows), end="")
    if args.figure:
        args.figure.write_text(mix_figure(rows), encoding="utf-8")
    if args.output:
        lines = (json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)
        args.output.write_text("".join(lines), encoding="utf-8")
