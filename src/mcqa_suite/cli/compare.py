"""`mcqa compare`."""

import argparse
import sys
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_cluster, add_metric_and_subset, add_noise_floor, add_style, fail_if_any

EXAMPLE = "mcqa compare runs/base runs/sft 4-bit=runs/gptq4 --fail-if worse"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help=RUN)
    parser.add_argument(
        "variants", nargs="+", metavar="VARIANT", help="run of a model made from the base, in the same form"
    )
    parser.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to compare, separated by commas")
    add_cluster(parser)
    parser.add_argument("--margin", type=float, default=1.0, help="equivalence margin in points (default: 1)")
    parser.add_argument(
        "--fail-if",
        choices=["worse"],
        help="exit 1 if a corrected difference is worse, 2 if one cannot be judged or a run lacks a task",
    )
    parser.add_argument("--force", action="store_true", help="compare although settings differ, and list them")
    add_noise_floor(parser)
    add_metric_and_subset(parser)
    add_style(parser, "csv", "latex", "json")
    parser.set_defaults(run=run)


def run(base: str, variants: list[str], style: str, fail_if: str | None, **options: Any) -> int:
    from mcqa_suite.api.comparison import compare

    result = compare(base, *variants, **options)
    print(result.text(style), end="")
    incomplete = [f"{line}; run it on both, or choose --tasks" for line in result.incomplete] if fail_if else []
    fail_if_any([*result.problems, *incomplete])
    if fail_if is None:
        return 0
    for line in result.gate:
        print(f"mcqa: {line}", file=sys.stderr)
    return result.exit_code
