"""`mcqa report`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, command


def add(commands: Any) -> None:
    parser = command(
        commands,
        "report",
        "write one self-contained HTML file: verdicts, leaderboard, figures, samples",
        "mcqa report runs/sft runs/gptq4 --base runs/base -o report.html",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help=RUN)
    parser.add_argument(
        "--base", metavar="RUN", help="the run to compare with; without it, the report has only a leaderboard"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="default: report.html")
    parser.add_argument(
        "--noise-floor", metavar="RUN", help="another run of the base under other conditions, e.g. batch size"
    )
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write the figures as SVG and PNG too")
    parser.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to show, separated by commas")
    parser.add_argument(
        "--samples-mb",
        type=float,
        default=4.0,
        metavar="MB",
        help="size limit of the embedded samples; changed answers come first (default: 4)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mcqa_suite.api.comparison import report

    result = report(
        *args.runs,
        output=args.output,
        base=args.base,
        noise_floor=args.noise_floor,
        figures=args.figures,
        tasks=args.tasks,
        samples_mb=args.samples_mb,
    )
    size = args.output.stat().st_size / 1e6
    figures = f"; figures in {args.figures}" if args.figures else ""
    print(f"{args.output}: {len(result.page.runs)} runs, {size:.2f} MB{figures}")
    if result.page.report is None:
        print("no comparison: only the base" if args.base else "no comparison: set --base to the run to compare with")
    for problem in result.problems:
        print(f"mcqa: {problem}", file=sys.stderr)
    return 2 if result.problems else 0
