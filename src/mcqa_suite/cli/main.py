"""The command line: `mcqa COMMAND`.

Thin: every command is one call into the package, made in `commands/`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mcqa_suite import __version__
from mcqa_suite.cli import comparison, data, evaluation, grids, preferences, training, voting
from mcqa_suite.cli import variance as sampling
from mcqa_suite.common.errors import McqaError

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

    for part in (evaluation, comparison, data, training, voting, preferences, sampling, grids):
        part.add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 with one line on stderr for what a user can mend."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words[:1] or bool(os.environ.get("MCQA_DEBUG"))
    try:
        if "eval" in words[: 1 + debug]:
            from mcqa_suite.evaluation.launch import launch

            return launch(words[words.index("eval") + 1 :])
        args = build_parser().parse_args(words)
        return int(args.run(args) or 0)
    except McqaError as error:
        if debug:
            raise
        print(f"mcqa: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `mcqa ... | head`: what is still buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("mcqa: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
