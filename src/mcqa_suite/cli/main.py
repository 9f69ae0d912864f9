"""The command line: `mcqa COMMAND`. The module of a command has its name, with _ for -, and is imported only when it is called.

A command's flags have the names of the parameters that they are passed to.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from textwrap import fill

from mcqa_suite import __version__
from mcqa_suite.cli.arguments import command
from mcqa_suite.common import extras
from mcqa_suite.common.errors import McqaError, file_error
from mcqa_suite.common.output import print_error, safe_output

GROUPS = {
    "evaluate": {
        "eval": "evaluate a model with lm_eval, whose flags all work, and write logs that can be compared",
        "tasks": "list the tasks, or print their folder",
        "check": "load tasks and render every document, without a model",
        "extract": "extract the answers of existing sample logs again, without the model",
    },
    "compare": {
        "compare": "compare variants with their parents, question by question, and test the differences",
        "table": "print a leaderboard of runs: tasks, macro mean, size and speed",
        "report": "write one self-contained HTML file: verdicts, leaderboard, figures, samples",
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
            fill(text, 80, initial_indent=f"  {name:13}", subsequent_indent=" " * 15) + "\n"
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
    """Run a command; for an error that the user can fix, print one line on stderr and return 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = words[:1] == ["--debug"] or bool(os.environ.get("MCQA_DEBUG"))
    words = words[words[:1] == ["--debug"] :]
    extra = None
    try:
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
    except (McqaError, ImportError) as error:
        message = extras.missing(error, extra) if isinstance(error, ImportError) else error
        if debug or message is None:
            raise
        print_error(message)
        return 2
    except BrokenPipeError:  # `mcqa ... | head`: the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if debug or (explained := file_error(error)) is None:
            raise
        print_error(explained)
        return 2
    except KeyboardInterrupt:
        print("mcqa: interrupted; rerun to resume", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
