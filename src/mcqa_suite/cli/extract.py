"""`mcqa extract`."""

import argparse
import sys
from pathlib import Path

from mcqa_suite.cli.arguments import add_columns

EXAMPLES = (
    "mcqa extract runs/base/samples_mcqa_epfl_cot_2026-01-01T10-00-00.jsonl",
    "mcqa extract runs/base -o reread/",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "samples", nargs="+", type=Path, metavar="SAMPLES.jsonl", help="sample log written by lm_eval --log_samples"
    )
    parser.add_argument("--output", type=Path, help="a file or folder (default: <name>.reread.jsonl beside each log)")
    add_columns(parser)
    parser.set_defaults(run=run)


def run(samples: list[Path], output: Path | None, **columns: str | None) -> int:
    from mcqa_suite.logs.log_row import Columns
    from mcqa_suite.logs.rescore import rescore_all
    from mcqa_suite.reporting.rescored import rescored_tables

    logs = rescore_all(samples, output, Columns(**columns), report=lambda line: print(f"mcqa: {line}", file=sys.stderr))
    print(rescored_tables(logs), end="")
    return int(any(log.broken for log in logs))
