"""`mcqa tasks`."""

import argparse

EXAMPLES = (
    'lm_eval run --tasks mcqa_epfl --include_path "$(mcqa tasks --path)" --model hf --model_args pretrained=MODEL',
    "mcqa tasks arc_easy",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pattern", nargs="?", metavar="PATTERN", help="list all whose name holds this text, e.g. arc or *_cot"
    )
    parser.add_argument("--path", action="store_true", help="print the folder for lm_eval --include_path")
    parser.set_defaults(run=run)


def run(pattern: str | None, path: bool) -> None:
    from mcqa_suite.common.paths import tasks_dir
    from mcqa_suite.harness.tasks import matching, overview

    if path:
        print(tasks_dir())
    else:
        print(
            "\n".join(matching(pattern) if pattern else [*overview(), "", "mcqa tasks PATTERN lists all that match."])
        )
