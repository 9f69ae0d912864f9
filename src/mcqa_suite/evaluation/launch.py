"""`mcqa eval`: the harness's own command line, every flag unchanged, with this suite's tasks on its include path."""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.checkpoint_settings import check_checkpoint
from mcqa_suite.common.checkpoints import chat_template_of
from mcqa_suite.common.errors import McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.failed_requests import Lost, failed_left_out
from mcqa_suite.evaluation.saving import check_writable, unsaved_is_an_error
from mcqa_suite.harness.tasks import check_names, listed

SUBCOMMANDS = ("run", "ls", "validate")
SERVED = ("local-completions", "local-chat-completions")


def launch(argv: Sequence[str]) -> int:
    """Runs `lm_eval run ARGV`; 1 where a server left items unanswered, else 0.

    Raises McqaError for the failures that a user can mend, in one of several processes.
    """
    processes.hush()
    with processes.failing_once():
        lost = _launch(argv)
    processes.leave()
    for line in lost.lines():
        print(f"mcqa: {line}", file=sys.stderr)
    return int(bool(lost.reasons))


def _launch(argv: Sequence[str]) -> Lost:
    arguments = list(argv) if argv and argv[0] in SUBCOMMANDS else ["run", *(argv or ["--help"])]
    if arguments[0] == "run" and not {"-h", "--help"}.intersection(arguments):
        stay_offline_if_cut_off()  # before the libraries are imported
    from lm_eval.__main__ import cli_evaluate

    import mcqa_suite.harness.filters  # noqa: F401  (registers mcqa_letters, mcqa_numbers, mcqa_grids)

    given = known_flags(arguments)
    names = [name for word in given.tasks for name in word.split(",")]
    if arguments[0] == "run" and names:
        ours = [name for name in names if name.startswith("mcqa_") and not any(c in name for c in "*?/")]
        if ours and not given.include_path:
            check_names(ours, list(listed()))
    if not given.include_path:
        arguments += ["--include_path", str(tasks_dir())]
    if arguments[0] == "run":
        check_writable(given.output_path)
        arguments += [*as_trained(given), *default_model(given)]
        loglik_cache.switch_on()
    prefix.register()
    if told_model(given) in SERVED:
        from mcqa_suite.evaluation import servers

        processes.go_on_alone()  # else every process would ask everything
        servers.register()
    logging.getLogger("mcqa_suite").setLevel(logging.WARNING)
    before, sys.argv = sys.argv, ["lm_eval", *arguments]
    try:
        with (
            our_index_alone([] if given.include_path else names),
            _shared_out(),
            failed_left_out() as lost,
            unsaved_is_an_error(given.output_path),
        ):
            cli_evaluate()
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise explain(error, subject(error, given)) or McqaError(
            f"lm_eval: {words} (mcqa --debug eval ... shows where)"
        ) from error
    finally:
        sys.argv = before
    return lost


def _shared_out() -> AbstractContextManager[None]:
    """Of several processes each answers its part, where the model is one of the harness's `hf` kinds."""
    if processes.world() == 1:
        return nullcontext()
    from mcqa_suite.backend.shared_model import shared_models

    return shared_models()


def known_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """The few flags that are looked at here; the rest is the harness's business."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--tasks", "-t", nargs="+", default=[])
    parser.add_argument("--include_path", default=None)
    parser.add_argument("--model", "-M", default=None)
    parser.add_argument("--config", "-C", default=None)
    parser.add_argument("--output_path", "-o", default=None)
    parser.add_argument("--model_args", "-a", nargs="+", default=[])
    parser.add_argument("--apply_chat_template", nargs="?", const=True, default=None)
    return parser.parse_known_args(list(arguments[1:]))[0]


def model_args(given: argparse.Namespace) -> dict[str, str]:
    """`--model_args` in the forms that the harness reads: a=b,c=d, or a=b c=d, or a JSON object."""
    text = ",".join(given.model_args)
    if text.startswith("{"):
        try:
            return {key: str(value) for key, value in json.loads(text).items()}
        except ValueError:  # the harness says so better
            return {}
    return dict(word.split("=", 1) for word in text.split(",") if "=" in word)


def as_trained(given: argparse.Namespace) -> list[str]:
    """The flag for the chat template that the checkpoint was trained with, where it is not given; checks an adapter's base."""
    named = model_args(given)
    pretrained, adapter = named.get("pretrained"), named.get("peft")
    if adapter:
        check_checkpoint(adapter, pretrained)
    elif pretrained:
        check_checkpoint(pretrained, None)
    checkpoint = adapter or pretrained
    trained = chat_template_of(Path(checkpoint)) if checkpoint and Path(checkpoint).is_dir() else None
    if trained and given.apply_chat_template is None:
        if processes.is_main():
            print(
                f"mcqa: {checkpoint} was trained with its chat template: --apply_chat_template added", file=sys.stderr
            )
        return ["--apply_chat_template"]
    if trained is False and given.apply_chat_template is not None and processes.is_main():
        print(f"mcqa: {checkpoint} was trained without the chat template that is applied here", file=sys.stderr)
    return []


def told_model(given: argparse.Namespace) -> Any:
    """The backend that `--model` or `--config` names, if one does."""
    config: Any = {}
    with suppress(OSError, yaml.YAMLError):  # of which the harness speaks itself
        config = yaml.safe_load(Path(given.config).read_text(encoding="utf-8")) if given.config else {}
    return given.model or (isinstance(config, dict) and config.get("model"))


def default_model(given: argparse.Namespace) -> list[str]:
    """The flag for the backend that scores shared tokens once, where neither `--model` nor `--config` names one."""
    return [] if told_model(given) else ["--model", prefix.NAME]


def subject(error: BaseException, given: argparse.Namespace) -> str:
    """What a failure is about: the data set that the message quotes, else the checkpoint, else the tasks."""
    import re

    if quoted := re.search(r"[Dd]ata ?set '?([\w.-]+/[\w.-]+)'?|reach '([\w.-]+/[\w.-]+)'", str(error)):
        return quoted[1] or quoted[2]
    return model_args(given).get("pretrained") or ", ".join(given.tasks)


@contextmanager
def our_index_alone(names: Sequence[str]) -> Iterator[None]:
    """Keep the harness from indexing its 14,000 YAMLs, which takes six seconds, where all `names` are this suite's."""
    ours = listed()
    if not names or not all(name in ours or re.match(r"mcqa_\w*[*?]", name) for name in names):
        yield
        return
    import lm_eval.evaluator  # noqa: F401  (so that it does not meet the replacement)
    import lm_eval.tasks as harness

    whole = harness.TaskManager
    harness.TaskManager = partial(whole, include_defaults=False)
    try:
        yield
    finally:
        harness.TaskManager = whole
