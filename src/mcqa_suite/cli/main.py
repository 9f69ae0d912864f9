"""The command line: `mcqa COMMAND`. Each command has a file of its own."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mcqa_suite import __version__
from mcqa_suite.cli import (
    audit,
    check,
    compare,
    data,
    eval,
    extract,
    grids,
    orders,
    preferences,
    rank,
    report,
    run,
    table,
    tasks,
    variance,
    vote,
)
from mcqa_suite.common import extras
from mcqa_suite.common.errors import McqaError

COMMANDS = (
    *(tasks, check, eval, extract),
    *(compare, table, report),
    *(vote, orders, variance, grids),
    *(run, data, audit, preferences, rank),
)
EPILOG = """\
The tasks also work with lm_eval alone:
  lm_eval --model hf --model_args pretrained=MODEL --tasks mcqa_epfl --include_path "$(mcqa tasks --path)"
"""


def build_parser() -> argparse.ArgumentParser:
    """Every command and flag."""
    parser = argparse.ArgumentParser(
        prog="mcqa",
        description="Evaluate a base model and the models made from it, and test whether the differences are real.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcqa-suite {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; for an error that the user can fix, print one line on stderr and return 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words[:1] or bool(os.environ.get("MCQA_DEBUG"))
    extra = None
    try:
        if "eval" in words[: 1 + debug]:
            return eval.launch(words[words.index("eval") + 1 :])
        args = build_parser().parse_args(words)
        extra = getattr(args, "extra", None)
        return int(args.run(args) or 0)
    except (McqaError, ImportError) as error:
        message = extras.missing(error, extra) if isinstance(error, ImportError) else error
        if debug or message is None:
            raise
        print(f"mcqa: {message}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `mcqa ... | head`: the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("mcqa: interrupted; rerun to resume", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
