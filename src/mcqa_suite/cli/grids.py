"""`mcqa grids show | vote`."""

import argparse
from pathlib import Path

from mcqa_suite.cli.arguments import command, fail_if_any
from mcqa_suite.cli.terminal import print_markdown

LOG = "samples_mcqa_arc_grid_*.jsonl, or the folder of one"
EXAMPLES = (
    "mcqa grids vote runs/base/samples_mcqa_arc_grid_1_training_views_2026-01-01T10-00-00.jsonl",
    "mcqa grids show 67a3c6ac --run runs/base/samples_mcqa_arc_grid_1_training_2026-01-01T10-00-00.jsonl",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(required=True, metavar="show|vote")

    show = command(
        parts,
        "show",
        "draw a public task in the terminal, with a run's answers",
        "mcqa grids show 67a3c6ac --svg a.svg",
        "mcqa grids show 67a3c6ac --run runs/base",
    )
    show.add_argument("task", metavar="TASK", help="task id, e.g. 67a3c6ac")
    show.add_argument("--run", dest="log", type=Path, metavar="SAMPLES", help=LOG)
    show.add_argument("--svg", type=Path, metavar="FILE", help="write input, target and attempts as a picture")
    show.set_defaults(run=run_show)

    vote = command(
        parts,
        "vote",
        "choose two grids per output by vote over all attempts and views, and score them",
        "mcqa grids vote runs/base --submission submission.json",
        "mcqa grids vote runs/base --logprob runs/smollm2/checkpoints/sft",
    )
    vote.add_argument("samples", type=Path, metavar="SAMPLES", help=LOG)
    vote.add_argument(
        "--logprob", type=Path, metavar="CHECKPOINT", help="rank by log-probability summed over the views"
    )
    vote.add_argument("--submission", type=Path, metavar="FILE", help="write a submission file for ARC Prize")
    vote.set_defaults(run=run_vote)


def run_show(task: str, log: Path | None, svg: Path | None) -> None:
    from mcqa_suite.api.grids import grid_answers
    from mcqa_suite.reporting.grid_pictures import draw, find_task, show

    arc_task = find_task(task)
    answers = grid_answers(arc_task, log) if log else None
    show(arc_task, answers)
    if svg:
        draw(arc_task, answers, svg)


def run_vote(samples: Path, logprob: Path | None, submission: Path | None) -> None:
    from mcqa_suite.api.grids import grid_votes

    result = grid_votes(samples, logprob=logprob)
    print_markdown(result.text())
    if submission:
        result.save_submission(submission)
    fail_if_any(result.problems)
