"""`mcqa run`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.evaluation import json_object


def add(commands: Any) -> None:
    run = commands.add_parser("run", help="climb a ladder: train, quantise, evaluate, compare")
    run.add_argument("recipe", type=Path, help="YAML, e.g. training/configs/demo.yaml")
    run.add_argument("--output", type=Path, help="run folder (default: the recipe's)")
    run.add_argument("--until", metavar="STAGE", help="make the stages up to this one")
    run.add_argument(
        "--smoke", action="store_true", help="a quick trial on the embedded base model: few rows, steps and documents"
    )
    run.add_argument(
        "--ray", metavar="ADDRESS", help="work on a Ray cluster: auto (the one that runs here), local, or HOST:PORT"
    )
    run.add_argument(
        "--store",
        metavar="URL",
        help="keep finished folders there too (s3://, file://, ...), and take from there what is not here",
    )
    run.set_defaults(run=_run)

    audit = commands.add_parser(
        "audit",
        help="look over training rows, and for evaluation documents among them",
        description="Prints a report. Exit code 0; 1 where evaluation documents are in the training rows; 2 for input "
        "that cannot be used.",
    )
    audit.add_argument("data", nargs="+", type=Path, metavar="DATA", help="JSONL, or the YAML of a stage or a recipe")
    audit.add_argument(
        "--against", nargs="+", default=[], metavar="TASK", help="tasks or groups (default: those of a recipe)"
    )
    audit.add_argument("--metadata", type=json_object, default={}, help="JSON, as for lm_eval")
    audit.add_argument("--max-length", type=int, metavar="N", help="name rows that are longer, in characters or tokens")
    audit.add_argument("--tokenizer", type=Path, metavar="FOLDER", help="a checkpoint, to count tokens with")
    audit.add_argument("--format", choices=["md", "json"], default="md")
    audit.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write report.md, report.json, overlaps.csv and clean.json"
    )
    audit.set_defaults(run=_audit)


def _run(args: argparse.Namespace) -> None:
    from mcqa_suite.ladder import run_recipe
    from mcqa_suite.ladder.outputs import save_leaderboard, save_report, save_sweeps, save_training
    from mcqa_suite.ladder.recipe import read_recipe, until
    from mcqa_suite.ladder.smoke import smoke

    recipe = read_recipe(args.recipe)
    if args.until:
        recipe = until(recipe, args.until)
    if args.smoke:
        trial = smoke(recipe)
        print("\n".join(trial.lines))
        recipe = trial.recipe
    result = run_recipe(recipe, args.output, overlap=args.smoke, ray=args.ray, store=args.store)
    leaderboard = save_leaderboard(result)
    for text in (leaderboard, save_training(result), save_sweeps(result)):
        print(f"\n{text}" if text else "", end="")
    if leaderboard:
        print(f"\n{result.seconds:.0f} s; tables in {result.output}/leaderboard.md and .csv\n{save_report(result)}")
    else:
        print(f"\n{result.seconds:.0f} s; no leaderboard and no report: {recipe.path} has no evaluate")


def _audit(args: argparse.Namespace) -> int:
    from mcqa_suite.ladder.audit_inputs import read_data
    from mcqa_suite.training_data.audit import audit
    from mcqa_suite.training_data.audit.report import FORMATS, save

    given = read_data(args.data)
    found = audit(
        given.rows,
        args.against or given.tasks,
        metadata=dict(given.metadata) | args.metadata,
        max_length=args.max_length,
        tokenizer=args.tokenizer,
    )
    if args.output:
        save(found, args.output)
    print(FORMATS[args.format](found), end="")
    return int(bool(found.leaks))
