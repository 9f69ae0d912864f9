"""`mcqa export`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, fail_if_any

EXAMPLES = (
    "mcqa export runs/gptq4 -o export --organization 'Jane Doe' --relationship first_party --model jane/smollm2-gptq4",
    "mcqa export runs/base runs/gptq4 -o export --format parquet",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the files")
    parser.add_argument(
        "--format",
        choices=["every-eval-ever", "parquet"],
        default="every-eval-ever",
        help="every-eval-ever: a JSON file for each run, with intervals (default); parquet: all scores and all samples (extra: "
        "parquet)",
    )
    parser.add_argument(
        "--organization", default="unknown", metavar="NAME", help="who reports the scores (default: unknown)"
    )
    parser.add_argument(
        "--relationship",
        choices=["first_party", "third_party", "collaborative", "other"],
        default="other",
        help="how the organization is related to the maker of the model (default: other)",
    )
    parser.add_argument("--model", metavar="USER/NAME", help="the model's name on the hub, for a single run")
    parser.add_argument(
        "--samples", action="store_true", help="with every-eval-ever: the questions and answers too, but for GPQA's"
    )
    parser.set_defaults(run=run)


def run(runs: list[str], output: Path, **options: Any) -> None:
    from mcqa_suite.api.export import export

    result = export(*runs, output=output, **options)
    for path in result.files:
        print(f"{path}: {path.stat().st_size / 1e3:,.1f} kB")
    fail_if_any(result.problems)
