"""The command line: `mcqa tasks | check | eval | run`. Thin: every command is one call into the package."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mcqa_suite import __version__
from mcqa_suite.errors import McqaError

EPILOG = """\
The tasks work without this command too:
  lm_eval --model hf --model_args pretrained=MODEL --tasks mcqa_epfl --include_path "$(mcqa tasks --path)"
"""


def build_parser() -> argparse.ArgumentParser:
    """Every command and flag."""
    parser = argparse.ArgumentParser(
        prog="mcqa",
        description="Evaluate a base model and everything made from it, and say honestly what changed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcqa-suite {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    tasks = commands.add_parser("tasks", help="list the tasks, or print their folder")
    tasks.add_argument("--path", action="store_true", help="print the folder for lm_eval --include_path")
    tasks.set_defaults(run=_tasks)

    check = commands.add_parser("check", help="load tasks and render every document, without a model")
    check.add_argument("names", nargs="+", metavar="TASK")
    check.add_argument("--metadata", type=json.loads, default={}, help="JSON, as for lm_eval")
    check.set_defaults(run=_check)

    commands.add_parser(
        "eval", help="lm_eval with this suite's tasks on its path; every flag is the harness's own", add_help=False
    )

    run = commands.add_parser("run", help="climb a ladder: train, quantise, evaluate, compare")
    run.add_argument("recipe", type=Path, help="YAML, e.g. training/configs/demo.yaml")
    run.add_argument("--output", type=Path, help="run folder (default: the recipe's)")
    run.set_defaults(run=_run)
    return parser


def _tasks(args: argparse.Namespace) -> None:
    from mcqa_suite.paths import tasks_dir

    if args.path:
        print(tasks_dir())
        return
    from mcqa_suite.harness.tasks import describe

    print("\n".join(describe()))


def _check(args: argparse.Namespace) -> None:
    from mcqa_suite.harness.check import check

    for line in check(args.names, args.metadata):
        print(line)


def _run(args: argparse.Namespace) -> None:
    from mcqa_suite.ladder import run

    run(args.recipe, output=args.output)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr for what a user can mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words[:1] or bool(os.environ.get("MCQA_DEBUG"))
    try:
        if "eval" in words[: 1 + debug]:
            from mcqa_suite.harness.launch import launch

            launch(words[words.index("eval") + 1 :])
        else:
            args = build_parser().parse_args(words)
            args.run(args)
    except McqaError as error:
        if debug:
            raise
        print(f"mcqa: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mcqa: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
