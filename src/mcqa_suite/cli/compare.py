"""`mcqa compare`."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mcqa_suite.cli.arguments import (
    RUN,
    add_cluster,
    add_log,
    add_metric_and_subset,
    add_noise_floor,
    add_style,
    fail_if_any,
    print_logged,
)
from mcqa_suite.cli.terminal import print_markdown
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.output import beneath

if TYPE_CHECKING:
    from mcqa_suite.analysis.compare import Gate
    from mcqa_suite.api.comparison import CompareResult

EXAMPLES = (
    "mcqa compare runs/base runs/sft 4-bit=runs/gptq4 --max-drop 1",
    "mcqa compare runs/base runs/sft --tasks 'mcqa_arc*' --format json",
)

FORMATS = (
    "; junit: a test case a row, which fails as the gate says; github: a summary, which is added to $GITHUB_STEP_SUMMARY "
    "if it is set, and annotations"
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
    add_style(parser, "csv", "latex", "json", "junit", "github", more=FORMATS)
    add_log(parser)
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
    log: list[str],
    **options: Any,
) -> int:
    from mcqa_suite.analysis.compare import together
    from mcqa_suite.api.comparison import compare
    from mcqa_suite.reporting.trackers.libraries import check as check_trackers

    if per_task and max_drop is None:
        raise ConfigError("--per-task needs --max-drop POINTS")
    if strict and fail_if is None:
        raise ConfigError("--strict needs --fail-if worse")
    if log:
        check_trackers(log)
    result = compare(*runs, **options)
    gates = [result.max_drop(max_drop, per_task=per_task)] if max_drop is not None else []
    gates += [result.fail_if_worse(strict=strict)] if fail_if else []
    show(result, gates, style, full=full)
    incomplete = [f"{line}; run it on both, or choose --tasks" for line in result.incomplete] if gates else []
    failures = print_logged(lambda: result.log(*log)) if log else []
    fail_if_any([*result.problems, *incomplete, *failures])
    return together(gates).exit_code


def show(result: "CompareResult", gates: "Sequence[Gate]", style: str | None, *, full: bool) -> None:
    from mcqa_suite.analysis.compare import together

    if style == "github":
        summary, commands = result.github(*gates)
        save_summary(summary)
        print("\n".join(commands), file=beneath(sys.stdout))
        return
    text = result.junit(*gates) if style == "junit" else result.text(style or "md", full=full)
    print_markdown(text, style, optional=OPTIONAL)
    for line in together(gates).lines:
        print(f"mcqa: {line}", file=sys.stderr)


def save_summary(summary: str) -> None:
    """Add a summary to that of the workflow's step; outside a workflow print it."""
    if not (path := os.environ.get("GITHUB_STEP_SUMMARY")):
        print(summary)
        return
    with open(path, "ab") as file:
        file.write(f"{summary}\n".encode())
