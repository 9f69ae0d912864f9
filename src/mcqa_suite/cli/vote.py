"""`mcqa vote`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_columns, add_format, command
from mcqa_suite.common.errors import ConfigError


def add(commands: Any) -> None:
    parser = command(
        commands,
        "vote",
        "score several samples a question: majority, best-of-n, pass@n, right answers that were missed",
        "mcqa vote runs/base/samples_mcqa_gsm8k_n8_2026-01-01T10-00-00.jsonl --n 1,2,4,8 -o votes",
    )
    parser.add_argument(
        "samples", nargs="+", metavar="SAMPLES", help="samples_*.jsonl of a task with repeats, its folder, or NAME=PATH"
    )
    parser.add_argument("--n", default="1,2,4,8", metavar="N,N,...", help="numbers of samples (default: 1,2,4,8)")
    parser.add_argument("--draws", type=int, metavar="N", help="take the first N samples of every question")
    parser.add_argument(
        "--reward", metavar="CHECKPOINT|FILE", type=Path, help="best-of-n by a reward model, or its scores"
    )
    parser.add_argument("--logprob", metavar="CHECKPOINT|FILE", type=Path, help="best-of-n by sequence log-probability")
    add_columns(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the subsets that are drawn (default: 0)")
    parser.add_argument("--show", type=int, default=20, help="questions a run on the reading page (default: 20)")
    add_format(parser, "csv")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write votes.md, .csv, .svg and a reading page a run"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.api.vote import vote
    from mcqa_suite.logs.log_row import Columns

    result = vote(
        *args.samples,
        n=_numbers(args.n),
        draws=args.draws,
        reward=args.reward,
        logprob=args.logprob,
        columns=Columns(args.kind, args.choices_key, args.gold_key),
        seed=args.seed,
    )
    print(result.text(args.format), end="")
    if args.output:
        result.save(args.output, args.show)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--n {text}: expected whole numbers with commas between, e.g. 1,2,4,8") from error
