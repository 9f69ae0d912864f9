"""`mcqa eval`: the harness parses its words (`evaluation.launch`); these are its flags for the completion of shells."""

import argparse

from mcqa_suite.common.extras import installed

EXAMPLES = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if not installed("lm_eval"):
        return
    from mcqa_suite.evaluation.flags import harness_parser, run_parser

    for action in run_parser(harness_parser())._actions:
        if action.dest != "help":
            parser._add_action(action)
