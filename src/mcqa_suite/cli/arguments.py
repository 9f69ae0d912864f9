"""Arguments that several commands share, and the form of a command's help."""

from __future__ import annotations

import argparse
import json
from typing import Any

RUN = "output of lm_eval --log_samples: FOLDER, FOLDER@STAMP or NAME=FOLDER"


def command(commands: Any, name: str, help_text: str, example: str, **settings: Any) -> argparse.ArgumentParser:
    """Add a command whose help ends with an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_text,
        description=f"{help_text[0].upper()}{help_text[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **settings,
    )
    return parser


def add_format(parser: argparse.ArgumentParser, *styles: str) -> None:
    """Add --format, Markdown by default."""
    parser.add_argument("--format", choices=["md", *styles], default="md", help="default: md (Markdown)")


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the flags that describe the documents of tasks outside this suite."""
    parser.add_argument(
        "--kind", choices=["letters", "numbers", "grids"], help="type of the answers, for tasks outside this suite"
    )
    parser.add_argument(
        "--choices-key",
        metavar="COLUMN",
        help="column of the options, for such tasks: one, several (A,B,C,D), or the number of options",
    )
    parser.add_argument("--gold-key", metavar="COLUMN", help="column of the correct answer, for such tasks")


def json_object(text: str) -> dict[str, Any]:
    """A JSON object, for --metadata."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, not {type(value).__name__}")
    return value
