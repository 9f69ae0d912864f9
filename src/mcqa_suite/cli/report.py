"""`mcqa report`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_cluster, add_metric_and_subset, add_noise_floor
from mcqa_suite.common.errors import ConfigError

EXAMPLES = (
    "mcqa report runs/sft runs/gptq4 --base runs/base -o report.html",
    "mcqa report runs/base runs/sft runs/gptq4 --push-to-space jane/quantised",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    parser.add_argument(
        "--base",
        metavar="RUN",
        help="compare every run with this one (default: each with its parent, where manifests name it)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("report.html"), help="the HTML file (default: report.html)"
    )
    add_cluster(parser)
    add_noise_floor(parser)
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write the figures as SVG and PNG too")
    parser.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to show, separated by commas")
    add_metric_and_subset(parser)
    parser.add_argument(
        "--samples-mb",
        type=float,
        default=4.0,
        metavar="MB",
        help="size limit of the embedded samples; changed answers come first (default: 4)",
    )
    parser.add_argument(
        "--explain",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a file of mcqa explain, shown with its question; may be repeated",
    )
    parser.add_argument("--push-to-space", metavar="USER/NAME", help="upload the report as a static Space of the hub")
    parser.add_argument("--private", action="store_true", help="with --push-to-space: make a new Space private")
    parser.set_defaults(run=run)


def run(
    runs: list[str],
    output: Path,
    base: str | None,
    figures: Path | None,
    push_to_space: str | None,
    private: bool,
    **options: Any,
) -> int:
    from mcqa_suite.api.comparison import report
    from mcqa_suite.api.push import check_push, push_report

    if push_to_space:
        check_push(push_to_space)
    elif private:
        raise ConfigError("--private needs --push-to-space USER/NAME")
    result = report(*runs, output=output, base=base, figures=figures, **options)
    written = f"; figures in {figures}" if figures else ""
    print(f"{output}: {len(result.page.runs)} runs, {output.stat().st_size / 1e6:.2f} MB{written}")
    if result.page.report is None and not result.problems:
        print("no comparison: only the base" if base else "no comparison: set --base to the run to compare with")
    for problem in result.problems:
        print(f"mcqa: {problem}", file=sys.stderr)
    if push_to_space:
        print(push_report(output, push_to_space, private=private))
    return 2 if result.problems else 0
