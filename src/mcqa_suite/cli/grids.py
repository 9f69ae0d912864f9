"""`mcqa grids show | vote`: ARC tasks as pictures, and what a run's answers amount to."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError


def add(commands: Any) -> None:
    parts = commands.add_parser("grids", help="ARC grids: draw a task and a run's answers, vote, write a submission")
    inner = parts.add_subparsers(dest="part", required=True, metavar="show|vote")

    show = inner.add_parser("show", help="draw a public task in the terminal, with a run's answers")
    show.add_argument("task", metavar="TASK", help="its id, e.g. 67a3c6ac")
    show.add_argument(
        "--run", dest="log", type=Path, metavar="SAMPLES", help="samples_mcqa_arc_grid_*.jsonl, or the folder of one"
    )
    show.add_argument("--svg", type=Path, metavar="FILE", help="write input, target and attempts as a picture")
    show.set_defaults(run=_show)

    vote = inner.add_parser("vote", help="choose two grids an output from all attempts and views, and score them")
    vote.add_argument(
        "samples", type=Path, metavar="SAMPLES", help="samples_mcqa_arc_grid_*.jsonl, or the folder of one"
    )
    vote.add_argument(
        "--logprob", type=Path, metavar="CHECKPOINT", help="rank by log-probability summed over the views"
    )
    vote.add_argument("--submission", type=Path, metavar="FILE", help="write the file that ARC Prize takes")
    vote.set_defaults(run=_vote)


def _show(args: argparse.Namespace) -> None:
    from mcqa_suite.logs.grid_answers import ranked, read_answers
    from mcqa_suite.reporting.grid_pictures import draw, find_task, show

    task = find_task(args.task)
    answers = None
    if args.log:
        log = _log(args.log)
        answers = ranked(read_answers(log)).get(task.id)
        if answers is None:
            raise ConfigError(f"{log}: holds no answer to task {task.id}; show one of the tasks that it ran")
    show(task, answers)
    if args.svg:
        try:
            draw(task, answers, args.svg)
        except OSError as error:
            raise ConfigError(f"{args.svg}: cannot be written: {error.strerror}; choose another --svg") from error


def _vote(args: argparse.Namespace) -> None:
    from mcqa_suite.logs.grid_answers import judge, ranked, read_answers
    from mcqa_suite.reporting.tables import Table, markdown, percent

    log = _log(args.samples)
    rows = read_answers(log)
    chosen = {"votes": ranked(rows)}
    if args.logprob:
        from mcqa_suite.backend.grid_scores import ranked_by_logprob

        chosen["summed log-probability"] = ranked_by_logprob(args.logprob, rows, chosen["votes"], log)
    table = []
    for name, found in chosen.items():
        done = judge(rows, found)
        shares = (done.task_score, done.exact, done.shape, done.cells, done.unread)
        table.append((name, str(done.outputs), *(percent(share) for share in shares)))
    header = ("chosen by", "outputs", "task score %", "exact %", "shape %", "cells %", "unread %")
    note = "Two attempts an output, the better one counts. Task score: mean over tasks of the share of their outputs."
    print(markdown(Table("", header, table, (note,))), end="")
    if args.submission:
        _submit(args.submission, list(chosen.values())[-1])


def _submit(path: Path, found: Any) -> None:
    from mcqa_suite.grids.submission import submission, write_submission

    answers = {
        task: [[one.grid for one in outputs.get(index, [])] for index in range(max(outputs) + 1)]
        for task, outputs in found.items()
    }
    try:
        write_submission(path, submission(answers))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another --submission") from error


def _log(path: Path) -> Path:
    files = sorted(path.rglob("samples_mcqa_arc_grid_*.jsonl")) if path.is_dir() else [path]
    if len(files) != 1 or not files[0].is_file():
        count = "no log" if not files or not files[0].is_file() else f"{len(files)} logs"
        raise ConfigError(f"{path}: {count} of a grid task there; give one samples_mcqa_arc_grid_*.jsonl")
    return files[0]
