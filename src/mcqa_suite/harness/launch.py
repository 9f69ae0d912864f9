"""`mcqa eval`: the harness's own command line, every flag unchanged, with this suite's tasks on its include path."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from mcqa_suite.errors import McqaError
from mcqa_suite.harness.failures import explain
from mcqa_suite.harness.tasks import check_names, manager
from mcqa_suite.paths import tasks_dir

SUBCOMMANDS = ("run", "ls", "validate")


def launch(argv: Sequence[str]) -> None:
    """Runs `lm_eval run ARGV`; raises McqaError for the failures that a user can mend."""
    from lm_eval.__main__ import cli_evaluate

    import mcqa_suite.harness.filters  # noqa: F401  (registers mcqa_letters, mcqa_numbers, mcqa_grids)

    arguments = list(argv) if argv and argv[0] in SUBCOMMANDS else ["run", *(argv or ["--help"])]
    given = known_flags(arguments)
    if arguments[0] == "run" and given.tasks:
        names = [name for word in given.tasks for name in word.split(",")]
        ours = [name for name in names if name.startswith("mcqa_") and not any(c in name for c in "*?/")]
        if ours and not given.include_path:
            check_names(ours, manager().all_tasks)
    if not given.include_path:
        arguments += ["--include_path", str(tasks_dir())]
    logging.getLogger("mcqa_suite").setLevel(logging.WARNING)
    before, sys.argv = sys.argv, ["lm_eval", *arguments]
    try:
        cli_evaluate()
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise explain(error, subject(error, given)) or McqaError(
            f"lm_eval: {words} (mcqa --debug eval ... shows where)"
        ) from error
    finally:
        sys.argv = before


def known_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """The few flags that are looked at here; the rest is the harness's business."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--tasks", "-t", nargs="+", default=[])
    parser.add_argument("--include_path", default=None)
    parser.add_argument("--model_args", "-a", nargs="+", default=[])
    return parser.parse_known_args(list(arguments[1:]))[0]


def subject(error: BaseException, given: argparse.Namespace) -> str:
    """What a failure is about: the data set that the message quotes, else the checkpoint, else the tasks."""
    import re

    if quoted := re.search(r"[Dd]ata ?set '?([\w.-]+/[\w.-]+)'?|reach '([\w.-]+/[\w.-]+)'", str(error)):
        return quoted[1] or quoted[2]
    for word in ",".join(given.model_args).split(","):
        if word.startswith("pretrained="):
            return word.removeprefix("pretrained=")
    return ", ".join(given.tasks)
