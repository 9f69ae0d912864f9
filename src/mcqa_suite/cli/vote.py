"""`mcqa vote`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_columns, add_filter, add_style, fail_if_any
from mcqa_suite.cli.terminal import print_markdown
from mcqa_suite.common.errors import ConfigError

EXAMPLES = (
    "mcqa vote runs/base/samples_mcqa_gsm8k_n8_2026-01-01T10-00-00.jsonl --n 1,2,4,8 -o votes",
    "mcqa vote runs/sft --reward runs/smollm2/checkpoints/reward",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "samples", nargs="+", metavar="SAMPLES", help="samples_*.jsonl of a task with repeats, its folder, or NAME=PATH"
    )
    parser.add_argument(
        "--n",
        type=_numbers,
        default="1,2,4,8",
        metavar="N,N,...",
        help="numbers of samples to score (default: 1,2,4,8)",
    )
    parser.add_argument("--draws", type=int, metavar="N", help="use only the first N samples of each question")
    parser.add_argument(
        "--reward",
        metavar="CHECKPOINT|FILE",
        type=Path,
        help="best-of-n by a reward model (folder or hub name), or its scores",
    )
    parser.add_argument("--logprob", metavar="CHECKPOINT|FILE", type=Path, help="best-of-n by sequence log-probability")
    add_columns(parser)
    add_filter(parser)
    parser.add_argument("--seed", type=int, default=0, help="seed for drawing subsets of samples (default: 0)")
    parser.add_argument(
        "--show", type=int, default=20, help="questions per run on the page of missed questions (default: 20)"
    )
    parser.add_argument(
        "--distinct",
        type=_span,
        metavar="N|N-M",
        help="on that page only questions with so many distinct answers, e.g. 2 or 2-8",
    )
    add_style(parser, "csv")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="write votes.md, .csv, .svg, distinct.svg and, for each run, a page of missed questions",
    )
    parser.set_defaults(run=run)


def run(
    samples: list[str],
    style: str | None,
    output: Path | None,
    show: int,
    distinct: tuple[int, int] | None,
    kind: str | None,
    choices: str | None,
    gold: str | None,
    **options: Any,
) -> None:
    from mcqa_suite.api.repeats import vote
    from mcqa_suite.logs.log_row import Columns

    result = vote(*samples, columns=Columns(kind, choices, gold), **options)
    print_markdown(result.text(style or "md"), style)
    if output:
        result.save(output, show, distinct)
    fail_if_any(result.problems)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--n {text}: expected whole numbers separated by commas, e.g. 1,2,4,8") from error


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        fewest, most = int(first), int(last or first)
    except ValueError:
        fewest, most = 1, 0
    if not 0 <= fewest <= most:
        raise ConfigError(f"--distinct {text}: expected a number of answers or a span, e.g. 2 or 2-8")
    return fewest, most
