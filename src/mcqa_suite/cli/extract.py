"""`mcqa extract`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_columns, command


def add(commands: Any) -> None:
    parser = command(
        commands,
        "extract",
        "extract the answers of existing sample logs again, without the model",
        "mcqa extract runs/base/samples_mcqa_epfl_cot_2026-01-01T10-00-00.jsonl",
    )
    parser.add_argument(
        "samples", nargs="+", type=Path, metavar="SAMPLES.jsonl", help="sample log written by lm_eval --log_samples"
    )
    parser.add_argument("--output", type=Path, help="a file or folder (default: <name>.reread.jsonl beside each log)")
    add_columns(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mcqa_suite.logs.log_row import Columns
    from mcqa_suite.logs.rescore import rescore_all
    from mcqa_suite.reporting.rescored import rescored_tables

    columns = Columns(args.kind, args.choices_key, args.gold_key)
    logs = rescore_all(args.samples, args.output, columns, report=lambda line: print(f"mcqa: {line}", file=sys.stderr))
    print(rescored_tables(logs), end="")
    return int(any(log.broken for log in logs))
