"""`mcqa check`."""

import argparse
from typing import Any

from mcqa_suite.cli.arguments import add_metadata

EXAMPLES = (
    """mcqa check mcqa_epfl --metadata '{"epfl_file": "exam.jsonl"}'""",
    "mcqa check mcqa_arc_easy_cloze --show",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="TASK", help="tasks and groups")
    parser.add_argument(
        "--show", action="store_true", help="print the first question as each task asks it, and what is scored"
    )
    add_metadata(parser)
    parser.set_defaults(run=run)


def run(names: list[str], metadata: dict[str, Any], show: bool) -> None:
    if show:
        from mcqa_suite.evaluation.show import examples

        print("\n\n".join(map(str, examples(names, metadata))))
        return
    from mcqa_suite.evaluation.check import check

    checks = check(names, metadata)
    for line in [*checks, *dict.fromkeys(task.file for task in checks if task.file)]:
        print(line)
