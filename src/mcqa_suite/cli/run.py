"""`mcqa run`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.cli.arguments import add_log, fail_if_any, print_logged
from mcqa_suite.cli.terminal import print_markdown
from mcqa_suite.common.errors import DatasetError

if TYPE_CHECKING:
    from mcqa_suite.ladder.recipe import Recipe
    from mcqa_suite.ladder.steps import LadderResult

EXAMPLES = (
    "mcqa run training/configs/demo.yaml --output runs/demo",
    "mcqa run training/configs/demo.yaml --smoke",
    "mcqa run training/configs/demo.yaml --estimate --rate 2.5",
)

OPTIONAL = ("parent", "MB", "GB")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="YAML, e.g. training/configs/demo.yaml")
    parser.add_argument("--output", type=Path, help="run folder (default: the recipe's)")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="steps that run at the same time (default: the recipe's, 1)"
    )
    parser.add_argument("--until", metavar="STAGE", help="run the stages up to this one")
    parser.add_argument(
        "--smoke", action="store_true", help="a quick trial on a small random model: few rows, steps and documents"
    )
    parser.add_argument(
        "--estimate",
        action="store_true",
        help="print rows, steps, tokens, time and memory of each step, and stop before anything is loaded",
    )
    parser.add_argument("--rate", type=float, metavar="PRICE", help="with --estimate: price of an hour of the machine")
    parser.add_argument(
        "--tflops",
        type=float,
        metavar="N",
        help="with --estimate: 10^12 operations a second of another machine's matrix products (default: this one's, measured)",
    )
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="run on a Ray cluster: auto (the cluster on this machine), local, or HOST:PORT"
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="copy finished folders to this URL (s3://, file://, ...), and download those that are missing locally",
    )
    add_log(parser)
    parser.set_defaults(run=run)


def run(
    recipe: Path,
    output: Path | None,
    jobs: int | None,
    until: str | None,
    smoke: bool,
    ray: str | None,
    store: str | None,
    estimate: bool,
    rate: float | None,
    tflops: float | None,
    log: list[str],
) -> None:
    from mcqa_suite.ladder.recipe import read_recipe, with_jobs
    from mcqa_suite.ladder.recipe import until as cut_after
    from mcqa_suite.ladder.run import finished
    from mcqa_suite.ladder.smoke import smoke as shorten

    plan = with_jobs(read_recipe(recipe), jobs)
    if until:
        plan = cut_after(plan, until)
    if smoke:
        small = shorten(plan)
        print("\n".join(small.lines))
        plan = small.recipe
    if estimate:
        print_estimate(plan, rate, tflops)
        return
    if log:
        from mcqa_suite.reporting.trackers.libraries import check

        check(log)
    with finished(plan, output, ray=ray, store=store) as result:
        problems = save_tables(result)
        failures = print_logged(lambda: log_result(result, log)) if log else []
        fail_if_any([*problems, *failures])


def save_tables(result: "LadderResult") -> tuple[str, ...]:
    """Write the tables and the report in place of earlier ones; print the table and where they are. Return the problems."""
    from mcqa_suite.ladder.cards import save_cards
    from mcqa_suite.ladder.outputs import (
        LEADERBOARD,
        board_of,
        remove_tables,
        save_leaderboard,
        save_report,
        save_steps,
        save_sweeps,
        save_training,
    )

    remove_tables(result.output)
    save_training(result)
    if sweeps := save_sweeps(result):
        print_markdown(f"\n{sweeps}")
    board = board_of(result) if any(rung.evaluation for rung in result.rungs) else None
    cards = save_cards(result)
    table, problems = save_leaderboard(result, board)
    problems += cards
    if not table:
        print(f"\n{result.seconds:.0f} s; no leaderboard and no report: {result.recipe.path} has no `evaluate` section")
        return problems
    print_markdown(f"\n{table}", optional=OPTIONAL)
    lines = [f"accuracy by step: {path}" for path in save_steps(result, board)]
    try:
        lines = [line for line in save_report(result).splitlines() if line not in problems] + lines
    except DatasetError as error:
        problems += (str(error),)
    print("\n".join(["", f"{result.seconds:.0f} s", *lines, f"leaderboard: {result.output / LEADERBOARD}"]))
    return problems


def log_result(result: "LadderResult", trackers: list[str]) -> list[str]:
    from mcqa_suite.common.manifest import TRAINING_LOG
    from mcqa_suite.ladder.outputs import REPORT
    from mcqa_suite.reporting.trackers.runs import log_ladder

    return log_ladder(
        result.recipe.name,
        [str(rung.evaluation) for rung in result.rungs if rung.evaluation],
        {rung.name: rung.manifest for rung in result.rungs},
        {rung.name: rung.checkpoint / TRAINING_LOG for rung in result.rungs},
        result.output / REPORT,
        trackers,
    )


def print_estimate(plan: "Recipe", rate: float | None, tflops: float | None) -> None:
    from mcqa_suite.backend.costs import machine_of, measure_machine
    from mcqa_suite.ladder.estimate import estimate, estimate_table
    from mcqa_suite.reporting.tables import markdown

    machine = machine_of(tflops) if tflops else measure_machine(plan.dtype)
    print_markdown(markdown(estimate_table(plan, estimate(plan, machine), rate)))
