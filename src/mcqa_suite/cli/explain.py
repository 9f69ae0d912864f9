"""`mcqa explain`."""

import argparse
from pathlib import Path
from typing import Any

from mcqa_suite.cli.terminal import print_markdown

EXAMPLES = (
    "mcqa explain runs/base --checkpoint models/base --task mcqa_arc_easy_cloze --doc 17",
    "mcqa explain runs/base --checkpoint models/base --doc 17 --compare runs/gptq4 --compare-checkpoint models/gptq4",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("logs", metavar="RUN", help="output of lm_eval --log_samples: FOLDER or FOLDER@STAMP")
    parser.add_argument("--checkpoint", required=True, metavar="CHECKPOINT", help="the model that was evaluated")
    parser.add_argument("--doc", required=True, metavar="ID", help="the document's number in the log, or its own id")
    parser.add_argument("--task", help="the document's task (needed where the run has several)")
    parser.add_argument("--compare", metavar="RUN", help="another run, in which the document has the same prompt")
    parser.add_argument("--compare-checkpoint", metavar="CHECKPOINT", help="the model of that run")
    parser.add_argument(
        "--option", metavar="LETTER", help="option to explain (default: the one that the first model chose)"
    )
    parser.add_argument(
        "--method",
        choices=["leave-one-out", "gradient"],
        default="leave-one-out",
        help="how a word is valued: leave-one-out (default, for every model), or gradient (times input)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("explanation.html"), help="the HTML file (default: explanation.html)"
    )
    parser.set_defaults(run=run, extra="explain")


def run(logs: str, output: Path, **options: Any) -> None:
    from mcqa_suite.api.explain import explain
    from mcqa_suite.common.files import write_file

    result = explain(logs, **options)
    write_file(output, result.html())
    print_markdown(result.text())
    print(f"{output}: show it in a report with `mcqa report RUN... --explain {output}`")
