"""`mcqa table`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_cluster, add_metric_and_subset, add_style, fail_if_any
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa table runs/base runs/sft 4-bit=runs/gptq4",
    "mcqa table runs/* --format latex",
    "mcqa table runs/base runs/gptq4 --reference results/reference/phi3_mini.yaml",
)

OPTIONAL = ("load s", "peak GB", "MB", "GB")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    add_cluster(parser)
    add_metric_and_subset(parser)
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="published scores to show below the runs, a YAML file of source and models (docs/howto/quantised.md)",
    )
    add_style(parser, "csv", "latex")
    parser.set_defaults(run=run)


def run(runs: list[str], style: str | None, **options: Any) -> None:
    from mcqa_suite.api.comparison import leaderboard

    result = leaderboard(runs, **options)
    print_markdown(result.text(style or "md"), style, optional=OPTIONAL)
    fail_if_any(result.problems)
