"""`mcqa compare`."""

import argparse
import sys
from typing import Any

from mcqa_suite.cli.arguments import RUN, add_cluster, add_metric_and_subset, add_noise_floor, add_style, fail_if_any
from mcqa_suite.cli.terminal import print_markdown
from mcqa_suite.common.errors import ConfigError

EXAMPLES = (
    "mcqa compare runs/base runs/sft 4-bit=runs/gptq4 --max-drop 1",
    "mcqa compare runs/base runs/sft --tasks 'mcqa_arc*' --format json",
)

OPTIONAL = ("n", "base %", "parent %", "variant %")  # columns that a narrow terminal does without


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help=f"{RUN}; each is compared with its parent, else with the first"
    )
    parser.add_argument("--base", metavar="RUN", help="compare every run with this one")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="TASK=PERCENT[:QUESTIONS]",
        help="compare with a published score, such as arc_easy=54.2:2376; may be repeated",
    )
    parser.add_argument("--tasks", default="*", metavar="GLOB", help="tasks and groups to compare, separated by commas")
    add_cluster(parser)
    parser.add_argument("--margin", type=float, default=1.0, help="equivalence margin in points (default: 1)")
    gate = parser.add_argument_group(
        "gate", "exit codes: 0 passed, 1 failed, 2 cannot be judged, 3 undecided (--strict)"
    )
    gate.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="pass if each variant loses less than this, shown at 95 %% over all its questions",
    )
    gate.add_argument("--per-task", action="store_true", help="ask --max-drop of each task")
    gate.add_argument(
        "--fail-if",
        choices=["worse"],
        help="fail only if a task is significantly worse, corrected over the variant's tasks",
    )
    gate.add_argument("--strict", action="store_true", help="with --fail-if: an undecided task is no pass")
    parser.add_argument("--force", action="store_true", help="compare although settings differ, and list them")
    add_noise_floor(parser)
    add_metric_and_subset(parser)
    add_style(parser, "csv", "latex", "json")
    parser.add_argument(
        "--full",
        action="store_true",
        help="print p-values, calibration, flips, KL and every note too (csv, latex and json always have them)",
    )
    parser.set_defaults(run=run)


def run(
    runs: list[str],
    style: str | None,
    full: bool,
    max_drop: float | None,
    per_task: bool,
    fail_if: str | None,
    strict: bool,
    **options: Any,
) -> int:
    from mcqa_suite.api.comparison import compare

    if per_task and max_drop is None:
        raise ConfigError("--per-task needs --max-drop POINTS")
    if strict and fail_if is None:
        raise ConfigError("--strict needs --fail-if worse")
    result = compare(*runs, **options)
    gates = [result.max_drop(max_drop, per_task=per_task)] if max_drop is not None else []
    gates += [result.fail_if_worse(strict=strict)] if fail_if else []
    print_markdown(result.text(style or "md", full=full), style, optional=OPTIONAL)
    for line in (line for gate in gates for line in gate.lines):
        print(f"mcqa: {line}", file=sys.stderr)
    incomplete = [f"{line}; run it on both, or choose --tasks" for line in result.incomplete] if gates else []
    fail_if_any([*result.problems, *incomplete])
    codes = [gate.exit_code for gate in gates]
    return next((code for code in (2, 1, 3) if code in codes), 0)
