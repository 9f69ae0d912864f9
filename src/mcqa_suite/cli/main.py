"""The command line: `mcqa COMMAND`. The module of a command has its name, with _ for -, and is imported only when it is called.

A command's flags have the names of the parameters that they are passed to.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from textwrap import fill

from mcqa_suite import __version__
from mcqa_suite.cli.arguments import HELP_WIDTH, command
from mcqa_suite.cli.streams import with_lasting_output
from mcqa_suite.common import extras
from mcqa_suite.common.errors import ConfigError, McqaError, file_error
from mcqa_suite.common.output import print_error, safe_output
from mcqa_suite.common.scratch import scratch_of_command
from mcqa_suite.common.system_errors import explain_system

GROUPS = {
    "evaluate": {
        "eval": "evaluate a model with lm_eval, whose flags all work, and write logs that can be compared",
        "tasks": "list the tasks, or print their folder",
        "check": "load tasks and render every document, without a model",
        "ask": "put a question to one model or two, in a browser",
        "extract": "extract the answers of existing sample logs again, without the model",
    },
    "compare": {
        "compare": "compare variants with their parents, question by question, and test the differences",
        "table": "print a leaderboard of runs: tasks, macro mean, size and speed",
        "report": "write one self-contained HTML file: verdicts, leaderboard, figures, samples",
        "explain": "show which words of a question moved the option that a model chose",
    },
    "train": {
        "run": "run a recipe: train, quantise, evaluate and compare; rerun to resume",
        "import-gguf": "convert a GGUF file to a checkpoint that can be trained, quantised and evaluated",
        "fetch": "download a public corpus for training, checked; rerun to go on after an interruption",
        "data": "print training rows by source and topic; optionally write them or draw a figure",
        "audit": "check training rows and search them for evaluation documents; exit 1 if any are found",
        "score-pairs": "say how often a checkpoint prefers the better one of two answers",
        "preferences": "make preference pairs: sample responses, label and check them",
    },
    "publish": {
        "card": "write a checkpoint's model card, with its lineage, data and scores against its parent",
        "push": "upload a checkpoint with its card and report to the Hugging Face hub",
        "export": "write scores and samples for other tools: Every Eval Ever's JSON, or Parquet",
    },
    "special": {
        "vote": "score several samples per question: majority, best-of-n, pass@n, and correct answers that the vote missed",
        "orders": "show how the order of the options changes the accuracy on mcqa_*_perm tasks",
        "variance": "show the spread over draws, harder variants and single templates of GSM-Symbolic and symbolic_local",
        "grids": "draw an ARC task with a run's answers, or vote on them and write a submission",
        "evaluator": "write EPFL's metrics.json: accuracy on questions and pairs, sizes of quantised folders",
        "rank": "rank models by a judge's verdicts on their responses",
        "pack": "write a small copy of a run for a repository: gzipped logs, manifests, adapters",
    },
}
INTERRUPTED = 130  # exit code after Ctrl-C
SHELLS = ("bash", "zsh", "tcsh")
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}
EPILOG = """\
`mcqa COMMAND --help` shows the flags of a command, with examples. The tasks also work with lm_eval alone:
  lm_eval --model hf --model_args pretrained=MODEL --tasks mcqa_epfl --include_path "$(mcqa tasks --path)"
"""


def command_list() -> str:
    """The commands in groups, a line each."""
    sections = [
        f"{title}:\n"
        + "".join(
            fill(text, HELP_WIDTH, initial_indent=f"  {name:13}", subsequent_indent=" " * 15) + "\n"
            for name, text in group.items()
        )
        for title, group in GROUPS.items()
    ]
    return "\n".join(sections)


def build_parser(called: Collection[str]) -> argparse.ArgumentParser:
    """Every command, with the flags of those that are called."""
    parser = argparse.ArgumentParser(
        prog="mcqa",
        description="Evaluate a base model and the models made from it, and test whether the differences are real.",
        epilog=f"{command_list()}\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mcqa-suite {__version__}")
    parser.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    parser.add_argument(
        "--print-completion",
        choices=SHELLS,
        default=argparse.SUPPRESS,
        metavar="SHELL",
        help="print the completion script for bash, zsh or tcsh",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        if name in called:
            module = import_module(f"mcqa_suite.cli.{name.replace('-', '_')}")
            module.add_arguments(command(commands, name, help_text, *module.EXAMPLES))
        else:
            commands.add_parser(name)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; for an error that the user can fix, print one line on stderr and return 2.

    Without `argv` it is that of the process, whose streams are made to last.
    """
    if argv is not None:
        return run_command(list(argv))
    without_settings_of_python()
    code = with_lasting_output(lambda: _with_scratch(sys.argv[1:]))
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C while the process ends prints nothing
    return code


def _with_scratch(words: list[str]) -> int:
    """Run a command with a folder for its temporary files; `run` has one of its own, which its stages share."""
    name = words[words[:1] == ["--debug"] :][:1]
    if name == ["run"] or not COMMANDS.keys() & name:
        return run_command(words)
    with scratch_of_command():
        return run_command(words)


def run_command(words: list[str]) -> int:
    debug = words[:1] == ["--debug"] or bool(os.environ.get("MCQA_DEBUG"))
    words = words[words[:1] == ["--debug"] :]
    extra = None
    try:
        check_process()
        if words[:1] == ["eval"]:
            from mcqa_suite.cli.terminal import print_markdown
            from mcqa_suite.evaluation.launch import launch

            with safe_output():
                return launch(words[1:], print_markdown)
        if words[:1] == ["--print-completion"] and words[1:] and words[1] in SHELLS:
            from mcqa_suite.cli.completion import script

            print(script(build_parser(COMMANDS), words[1]))
            return 0
        options = vars(build_parser(words[:1]).parse_args(words))
        run, extra = options.pop("run"), options.pop("extra", None)
        with safe_output():
            return int(run(**options) or 0)
    except KeyboardInterrupt:
        print("mcqa: interrupted; rerun to resume", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        message = error if isinstance(error, McqaError) else explain_system(error)
        if message is None and isinstance(error, OSError):
            message = file_error(error)
        if message is None and isinstance(error, ImportError):
            message = extras.missing(error, extra)
        if debug or message is None:
            raise
        print_error(message)
        return 2


def check_process() -> None:
    """ConfigError for a process in which no command can work."""
    try:
        os.getcwd()
    except OSError as error:
        raise ConfigError("the working directory was deleted; change to one that exists") from error
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads and not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", threads):
        raise ConfigError(f"OMP_NUM_THREADS={threads}: expected a whole number of at least 1")


def without_settings_of_python() -> None:
    """Start again without variables that libraries do not work with: no docstrings or assertions, and warnings as errors."""
    variables = {"PYTHONOPTIMIZE": "", "PYTHONWARNINGS": "error"}
    if names := [name for name, word in variables.items() if os.environ.get(name) and word in os.environ[name]]:
        for name in names:
            del os.environ[name]
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command


if __name__ == "__main__":
    sys.exit(main())
