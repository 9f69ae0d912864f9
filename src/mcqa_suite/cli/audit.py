"""`mcqa audit`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.arguments import command, json_object


def add(commands: Any) -> None:
    parser = command(
        commands,
        "audit",
        "check training rows and search them for evaluation documents; exit 1 if any are found",
        "mcqa audit train.jsonl --against mcqa_arc mcqa_epfl -o audit",
    )
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="JSONL, or the YAML of a stage or a recipe")
    parser.add_argument(
        "--against", nargs="+", default=[], metavar="TASK", help="tasks or groups (default: those of a recipe)"
    )
    parser.add_argument("--metadata", type=json_object, default={}, metavar="JSON", help="as for lm_eval")
    parser.add_argument(
        "--max-length", type=int, metavar="N", help="list rows longer than N characters, or tokens with --tokenizer"
    )
    parser.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="a checkpoint whose tokenizer counts the tokens"
    )
    parser.add_argument("--format", choices=["md", "json"], default="md", help="default: md (Markdown)")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="write report.md, report.json, overlaps.csv and clean.json"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mcqa_suite.ladder.audit_inputs import read_data
    from mcqa_suite.training_data.audit import audit
    from mcqa_suite.training_data.audit.report import FORMATS, save

    data = read_data(args.data)
    result = audit(
        data.rows,
        args.against or data.tasks,
        metadata=dict(data.metadata) | args.metadata,
        max_length=args.max_length,
        tokenizer=args.tokenizer,
    )
    if args.output:
        save(result, args.output)
    print(FORMATS[args.format](result), end="")
    return int(bool(result.leaks))
