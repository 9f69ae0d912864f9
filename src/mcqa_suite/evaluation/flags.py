"""`mcqa eval --help`: first the flags that mean or default to something else here, then those of the harness."""

from __future__ import annotations

import argparse
from typing import Any

from mcqa_suite.evaluation.output_folder import RUNS
from mcqa_suite.reporting.trackers.names import HELP, TRACKERS

USAGE = "mcqa eval --model_args pretrained=MODEL --tasks TASK,TASK [flags of lm_eval run]"
DESCRIPTION = """\
Evaluate a model with lm_eval on the tasks of this suite (`mcqa tasks` lists
them) or of lm_eval, and write logs that `mcqa compare` reads. Every flag of
`lm_eval run` works; `mcqa eval ls tasks` and `mcqa eval validate` are those of
lm_eval."""
EPILOG = """\
examples:
  mcqa eval --model_args pretrained=Qwen/Qwen3-0.6B --tasks mcqa_arc_easy_cloze --limit 100
  mcqa eval --model local-completions --model_args model=NAME,base_url=URL/v1/completions --tasks mcqa_gsm8k"""
OURS = {
    "tasks": "tasks and groups of this suite and of lm_eval, separated by commas or spaces; patterns such as 'mcqa_arc*'",
    "model_args": "arguments of the model, e.g. pretrained=FOLDER_OR_HUB_NAME,dtype=bfloat16",
    "model": "default: hf-prefix, which is hf with the tokens that requests share computed once; or any model of lm_eval",
    "output_path": f"folder for results and samples, whose names have a time stamp (default: {RUNS}/<model name>)",
    "log_samples": "always on; `log_samples: false` in a --config file switches it off",
    "apply_chat_template": (
        "apply the chat template (optional: its name). 'false': do not. Default: to each task as the manifest of the "
        "checkpoint says for its format, else do not"
    ),
    "include_path": "folder of other tasks in place of those of this suite",
    "estimate": "print requests, tokens, time and memory of each task, and stop before the model is loaded",
    "rate": "with --estimate: price of an hour of the machine",
    "tflops": "with --estimate: 10^12 operations a second that another machine reaches (default: this one's, measured)",
    "log": HELP,
    "metadata": 'settings of the tasks, e.g. \'{"epfl_file": "exam.jsonl"}\' or \'{"data": "hub"}\'',
}
DEVICE = "cuda:0, else the CPU"


def harness_parser() -> argparse.ArgumentParser:
    """The parser of the harness's command line, with our help for its command `run`."""
    from lm_eval._cli import HarnessCLI

    parser: argparse.ArgumentParser = HarnessCLI()._parser
    run = run_parser(parser)
    run.add_argument("--estimate", action="store_true")
    run.add_argument("--rate", type=float, metavar="PRICE")
    run.add_argument("--tflops", type=float, metavar="N")
    run.add_argument("--log", action="append", choices=TRACKERS)
    _explain(run)
    return parser


def run_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser of the command `run` in that of the harness."""
    (commands,) = [action for action in parser._actions if isinstance(action.choices, dict)]
    run: argparse.ArgumentParser = commands.choices["run"]  # type: ignore[index]
    return run


def _explain(run: argparse.ArgumentParser) -> None:
    run.usage, run.description, run.epilog = USAGE, DESCRIPTION, EPILOG
    run.formatter_class = argparse.RawDescriptionHelpFormatter
    for group in run._action_groups:
        group.title = f"lm_eval: {group.title}"
    ours = run.add_argument_group("flags that mean something else than in lm_eval, or have another default")
    actions = {action.dest: action for action in run._actions}
    for name, text in OURS.items():
        for group in run._action_groups:
            if actions[name] in group._group_actions:
                group._group_actions.remove(actions[name])
        actions[name].help = text.replace("%", "%%")
        ours._group_actions.append(actions[name])
    run._action_groups = [ours, *(group for group in run._action_groups if group is not ours and group._group_actions)]
    _add_defaults([action for name, action in actions.items() if name not in OURS])


def _add_defaults(actions: list[argparse.Action]) -> None:
    """Say the default that the harness applies where its help does not."""
    from lm_eval.config.evaluate_config import EvaluatorConfig

    defaults: dict[str, Any] = {name: getattr(EvaluatorConfig(), name, None) for name in (a.dest for a in actions)}
    defaults |= {"device": DEVICE}
    for action in actions:
        value = defaults[action.dest]
        if action.help and "default" not in action.help.lower() and value not in (None, {}, []):
            action.help += f" (default: {'off' if value is False else value})"
