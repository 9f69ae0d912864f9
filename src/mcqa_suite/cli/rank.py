"""`mcqa rank`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import command
from mcqa_suite.cli.preferences import JUDGE, check_positive


def add(commands: Any) -> None:
    parser = command(
        commands,
        "rank",
        "rank models by a judge's verdicts on their responses",
        "mcqa rank base=base.jsonl sft=sft.jsonl --judge http://localhost:8000/v1",
    )
    parser.add_argument(
        "responses", nargs="+", metavar="RESPONSES", help="output of `mcqa preferences sample`: FILE or NAME=FILE"
    )
    parser.add_argument("--judge", required=True, metavar="URL", help=JUDGE)
    parser.add_argument("--judge-model", metavar="NAME", help="default: the one model that the server lists")
    parser.add_argument("--listwise", action="store_true", help="show the judge all responses at once instead of two")
    parser.add_argument("--embedding", metavar="MODEL", help="encoder that measures the similarity to the reference")
    parser.add_argument("--parallel", type=int, default=8, help="concurrent requests (default: 8)")
    parser.add_argument("--seed", type=int, default=0, help="seed for the order in which responses are shown")
    parser.add_argument("-o", "--output", type=Path, default=Path("ranking"), metavar="DIR", help="default: ranking")
    parser.set_defaults(run=run, extra="rank")


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.api.preferences import rank

    check_positive(parallel=args.parallel)
    result = rank(
        *args.responses,
        judge=args.judge,
        verdicts=args.output / "verdicts.jsonl",
        judge_model=args.judge_model,
        listwise=args.listwise,
        embedding=args.embedding,
        parallel=args.parallel,
        seed=args.seed,
    )
    if n := len(result.alone):
        print(f"mcqa: skipped {n} prompts that not every model answered ({result.alone[0]}, ...)", file=sys.stderr)
    if not args.embedding:
        print("mcqa: similarity to the references was not computed; set --embedding", file=sys.stderr)
    result.save(args.output)
    print(f"{result.text()}\n\n{args.output}: ranking.md, ranking.csv, ranking.svg, verdicts.jsonl")
