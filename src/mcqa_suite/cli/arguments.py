"""Arguments that several commands share, and the form of a command's help."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from mcqa_suite.common.errors import DatasetError, McqaError
from mcqa_suite.common.json_text import loads
from mcqa_suite.reporting.trackers.names import HELP, TRACKERS

HELP_WIDTH = 80
RUN = "output of lm_eval --log_samples: FOLDER, FOLDER@STAMP or NAME=FOLDER; or a log of Inspect (extra: inspect)"
JUDGE = (
    "an OpenAI-compatible server, e.g. http://localhost:8000/v1; the key is read from MCQA_API_KEY or OPENAI_API_KEY"
)


def command(commands: Any, name: str, help_text: str, *examples: str) -> argparse.ArgumentParser:
    """Add a command whose help ends with examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_text,
        description=fill(f"{help_text[0].upper()}{help_text[1:]}.", HELP_WIDTH),
        epilog="\n  ".join(["examples:", *examples]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def add_style(parser: argparse.ArgumentParser, *styles: str, more: str = "") -> None:
    """Add --format as `style`; `more` is added to its help."""
    parser.add_argument(
        "--format",
        dest="style",
        choices=["md", *styles],
        help=f"default: aligned tables on a terminal, md (Markdown) elsewhere{more}",
    )


def add_metric_and_subset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metric", help="default: acc (acc_norm where texts are scored and acc is below chance), else exact_match"
    )
    parser.add_argument(
        "--filter", metavar="GLOB", help="filters to show, separated by commas, where several read a task's answers"
    )
    parser.add_argument("--subset", type=Path, metavar="FILE", help="only the documents in the clean.json of an audit")


def add_log(parser: argparse.ArgumentParser) -> None:
    """Add --log as `log`, the names of trackers."""
    parser.add_argument("--log", action="append", default=[], choices=TRACKERS, help=HELP)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cluster",
        metavar="FIELD",
        help="documents that share a value of this field count as one cluster; none: as independent "
        "(default: question_id, template, task_id or a repeated id)",
    )


def add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--filter", metavar="NAME", help="the filter whose answers count, where several logged them")


def add_noise_floor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--noise-floor", metavar="RUN", help="another run of the base under other conditions, e.g. batch size"
    )


def add_judge(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the server of a judge, its model and the number of concurrent requests."""
    parser.add_argument("--judge", required=required, metavar="URL", help=JUDGE)
    parser.add_argument("--judge-model", metavar="NAME", help="default: the one model that the server lists")
    parser.add_argument("--parallel", type=int, default=8, help="concurrent requests (default: 8)")


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Add the flags that describe the documents of tasks outside this suite."""
    parser.add_argument(
        "--kind", choices=["letters", "numbers", "grids"], help="type of the answers, for tasks outside this suite"
    )
    parser.add_argument(
        "--choices-key",
        dest="choices",
        metavar="COLUMN",
        help="column of the options, for such tasks: one, several (A,B,C,D), or the number of options",
    )
    parser.add_argument(
        "--gold-key", dest="gold", metavar="COLUMN", help="column of the correct answer, for such tasks"
    )


def add_metadata(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metadata", type=_json_object, default={}, metavar="JSON", help="as for lm_eval")


def print_logged(log: Callable[[], list[str]]) -> list[str]:
    """Print where the trackers have the results; return a failure as a problem, to be raised with the others."""
    try:
        lines = log()
    except McqaError as error:
        return [str(error)]
    for line in lines:
        print(f"mcqa: {line}", file=sys.stderr)
    return []


def fail_if_any(problems: Sequence[str]) -> None:
    """Raise DatasetError, after the output was printed, where something in it is missing or cannot be trusted."""
    if problems:
        raise DatasetError("\n".join(problems))


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, not {type(value).__name__}")
    return value
