"""`mcqa compare | table | report`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ComparisonError, ConfigError, DatasetError


def add(commands: Any) -> None:
    compare = commands.add_parser("compare", help="what changed between a base and its variants, and what it is worth")
    compare.add_argument(
        "base", metavar="BASE", help="what lm_eval --log_samples wrote: a folder, FOLDER@STAMP or NAME=FOLDER"
    )
    compare.add_argument("variants", nargs="+", metavar="VARIANT")
    compare.add_argument(
        "--tasks", default="*", metavar="GLOB", help="tasks and groups to compare, with commas between"
    )
    compare.add_argument("--metric", help="default: acc, else exact_match")
    compare.add_argument(
        "--cluster", metavar="FIELD", help="documents with one value of this field are not independent"
    )
    compare.add_argument("--margin", type=float, default=1.0, help="equivalence margin in points (default: 1)")
    compare.add_argument("--noise-floor", metavar="RUN", help="the base again under other conditions, e.g. batch size")
    compare.add_argument("--format", choices=["md", "csv", "latex", "json"], default="md")
    compare.add_argument(
        "--fail-if", choices=["worse"], help="exit 1 if a corrected difference is worse, 2 if one cannot be judged"
    )
    compare.add_argument("--subset", type=Path, metavar="FILE", help="only the documents of an audit's clean.json")
    compare.add_argument("--force", action="store_true", help="compare although settings differ, and list them")
    compare.set_defaults(run=_compare)

    table = commands.add_parser("table", help="a leaderboard of runs: tasks, macro mean, size and speed")
    table.add_argument("runs", nargs="+", metavar="RUN")
    table.add_argument("--metric", help="default: acc, else exact_match")
    table.add_argument("--subset", type=Path, metavar="FILE", help="only the documents of an audit's clean.json")
    table.add_argument("--format", choices=["md", "csv", "latex"], default="md")
    table.set_defaults(run=_table)

    report = commands.add_parser("report", help="one HTML file that opens from disk: verdicts, leaderboard, figures")
    report.add_argument("runs", nargs="+", metavar="RUN")
    report.add_argument(
        "--base", metavar="RUN", help="what the others are compared with; without it a leaderboard alone"
    )
    report.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="default: report.html")
    report.add_argument("--noise-floor", metavar="RUN", help="the base again under other conditions, e.g. batch size")
    report.add_argument("--figures", type=Path, metavar="DIR", help="write the figures as SVG and PNG too")
    report.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to show, with commas between")
    report.add_argument(
        "--samples-mb", type=float, default=4.0, metavar="MB", help="most samples to embed, flips first (default: 4)"
    )
    report.set_defaults(run=_report)


def _compare(args: argparse.Namespace) -> int:
    from mcqa_suite.analysis.compare import Options, compare_folders, exit_code
    from mcqa_suite.reporting.comparison_text import FORMATS

    if not 0 < args.margin < 100:
        raise ConfigError(f"--margin {args.margin:g}: expected points between 0 and 100")
    options = Options(args.tasks, args.metric, args.margin / 100, args.cluster, args.force)
    comparison = compare_folders(args.base, args.variants, options, noise_floor=args.noise_floor, subset=args.subset)
    print(FORMATS[args.format](comparison), end="")
    if comparison.problems:
        raise ComparisonError("\n".join(comparison.problems))
    return exit_code(comparison) if args.fail_if == "worse" else 0


def _table(args: argparse.Namespace) -> None:
    from mcqa_suite.analysis.compare import read_folders
    from mcqa_suite.reporting.summary import FORMATS, summarise

    folders = read_folders(args.runs, subset=args.subset)
    print(FORMATS[args.format](replace(summarise(folders.readable, args.metric), subset=folders.subset)), end="")
    if problems := [*folders.errors, *(problem for run in folders.readable for problem in run.problems)]:
        raise DatasetError("\n".join(problems))


def _report(args: argparse.Namespace) -> int:
    from mcqa_suite.reporting.html import report_command

    if not args.samples_mb > 0:
        raise ConfigError(f"--samples-mb {args.samples_mb:g}: expected a size above 0")
    return report_command(
        args.runs,
        args.output,
        base=args.base,
        noise_floor=args.noise_floor,
        figures=args.figures,
        tasks=args.tasks,
        samples=int(1e6 * args.samples_mb),
    )
