"""`mcqa tasks | check | eval | extract`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    tasks = commands.add_parser("tasks", help="list the tasks, or print their folder")
    tasks.add_argument("--path", action="store_true", help="print the folder for lm_eval --include_path")
    tasks.set_defaults(run=_tasks)

    check = commands.add_parser("check", help="load tasks and render every document, without a model")
    check.add_argument("names", nargs="+", metavar="TASK")
    check.add_argument("--metadata", type=json_object, default={}, help="JSON, as for lm_eval")
    check.set_defaults(run=_check)

    commands.add_parser(
        "eval", help="lm_eval with this suite's tasks on its path; every flag is the harness's own", add_help=False
    )

    extract = commands.add_parser("extract", help="read the answers of existing sample logs again, without the model")
    extract.add_argument("samples", nargs="+", type=Path, metavar="SAMPLES.jsonl", help="of lm_eval --log_samples")
    extract.add_argument("--output", type=Path, help="a file or folder (default: <name>.reread.jsonl beside each log)")
    extract.add_argument(
        "--kind", choices=["letters", "numbers", "grids"], help="for documents of other people's tasks"
    )
    extract.add_argument("--choices-key", help="their options: a column, several (A,B,C,D), or how many there are")
    extract.add_argument("--gold-key", help="the column of their right answer")
    extract.set_defaults(run=_extract)


def json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, found {type(value).__name__}")
    return value


def _tasks(args: argparse.Namespace) -> None:
    from mcqa_suite.common.paths import tasks_dir

    if args.path:
        print(tasks_dir())
        return
    from mcqa_suite.harness.tasks import describe

    print("\n".join(describe()))


def _check(args: argparse.Namespace) -> None:
    from mcqa_suite.evaluation.check import check

    for line in check(args.names, args.metadata):
        print(line)


def _extract(args: argparse.Namespace) -> int:
    from mcqa_suite.logs.log_row import Columns
    from mcqa_suite.logs.rescore import reread_all, table

    columns = Columns(args.kind, args.choices_key, args.gold_key)
    logs = reread_all(args.samples, args.output, columns, report=lambda line: print(f"mcqa: {line}", file=sys.stderr))
    print(table(logs))
    return int(any(log.broken for log in logs))
