"""`mcqa compare`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_format, command
from mcqa_suite.common.errors import ComparisonError


def add(commands: Any) -> None:
    parser = command(
        commands,
        "compare",
        "compare variants with their base, question by question, and test the differences",
        "mcqa compare runs/base runs/sft 4-bit=runs/gptq4 --fail-if worse",
    )
    parser.add_argument("base", metavar="BASE", help=RUN)
    parser.add_argument(
        "variants", nargs="+", metavar="VARIANT", help="run of a model made from the base, in the same form"
    )
    parser.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to compare, separated by commas")
    parser.add_argument("--metric", help="default: acc, else exact_match")
    parser.add_argument(
        "--cluster", metavar="FIELD", help="documents that share a value of this field count as one cluster"
    )
    parser.add_argument("--margin", type=float, default=1.0, help="equivalence margin in points (default: 1)")
    parser.add_argument(
        "--noise-floor", metavar="RUN", help="another run of the base under other conditions, e.g. batch size"
    )
    add_format(parser, "csv", "latex", "json")
    parser.add_argument(
        "--fail-if", choices=["worse"], help="exit 1 if a corrected difference is worse, 2 if one cannot be judged"
    )
    parser.add_argument("--subset", type=Path, metavar="FILE", help="only the documents in the clean.json of an audit")
    parser.add_argument("--force", action="store_true", help="compare although settings differ, and list them")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mcqa_suite.api.comparison import compare

    result = compare(
        args.base,
        *args.variants,
        tasks=args.tasks,
        metric=args.metric,
        margin=args.margin,
        cluster=args.cluster,
        noise_floor=args.noise_floor,
        subset=args.subset,
        force=args.force,
    )
    print(result.text(args.format), end="")
    if result.problems:
        raise ComparisonError("\n".join(result.problems))
    return result.exit_code if args.fail_if == "worse" else 0
