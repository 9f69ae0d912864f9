"""`mcqa tasks`."""

from __future__ import annotations

import argparse
from typing import Any

from mcqa_suite.cli.arguments import command


def add(commands: Any) -> None:
    parser = command(
        commands,
        "tasks",
        "list the tasks, or print their folder",
        'lm_eval run --tasks mcqa_epfl --include_path "$(mcqa tasks --path)" --model hf --model_args pretrained=MODEL',
    )
    parser.add_argument("--path", action="store_true", help="print the folder for lm_eval --include_path")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from mcqa_suite.common.paths import tasks_dir

    if args.path:
        print(tasks_dir())
        return
    from mcqa_suite.harness.tasks import describe

    print("\n".join(describe()))
