"""`mcqa audit`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import add_metadata, add_style
from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa audit train.jsonl --against mcqa_arc mcqa_epfl -o audit",
    "mcqa audit training/configs/demo.yaml",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="JSONL, or the YAML of a stage or a recipe")
    parser.add_argument(
        "--against", nargs="+", default=[], metavar="TASK", help="tasks or groups (default: those of a recipe)"
    )
    add_metadata(parser)
    parser.add_argument(
        "--max-length", type=int, metavar="N", help="list rows longer than N characters, or tokens with --tokenizer"
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="a checkpoint whose tokenizer counts the tokens"
    )
    add_style(parser, "json")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write report.md, report.json, overlaps.csv and clean.json"
    )
    parser.set_defaults(run=run)


def run(
    data: list[Path],
    against: list[str],
    metadata: dict[str, Any],
    style: str | None,
    output: Path | None,
    **options: Any,
) -> int:
    from mcqa_suite.ladder.audit import read_data
    from mcqa_suite.training_data.audit import audit
    from mcqa_suite.training_data.audit.items import items_of
    from mcqa_suite.training_data.audit.report import FORMATS, save

    inputs = read_data(data)
    items = items_of(against or inputs.tasks, dict(inputs.metadata) | metadata)
    result = audit(inputs.rows, items, **options)
    if output:
        save(result, output)
    print_markdown(FORMATS[style or "md"](result), style)
    return int(bool(result.leaks))
