"""`mcqa eval`: the harness's own command line, every flag unchanged, with this suite's tasks on its include path."""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.common.checkpoints import chat_template_of, use_chat_template
from mcqa_suite.common.errors import ConfigError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.failed_requests import FailedItems, without_failed
from mcqa_suite.evaluation.saving import check_writable, unsaved_is_an_error
from mcqa_suite.harness.tasks import check_names, listed

SUBCOMMANDS = ("run", "ls", "validate")
SERVER_MODELS = ("local-completions", "local-chat-completions")
CHAT_FLAG = "--apply_chat_template"


def launch(argv: Sequence[str]) -> int:
    """Run `lm_eval run ARGV`; 1 where a server left items unanswered, else 0. McqaError for what a user can fix."""
    with processes.one_run():
        failed = _launch(argv)
    for line in failed.lines():
        print(f"mcqa: {line}", file=sys.stderr)
    return int(bool(failed.reasons))


def _launch(argv: Sequence[str]) -> FailedItems:
    arguments = list(argv) if argv and argv[0] in SUBCOMMANDS else ["run", *(argv or ["--help"])]
    flags = read_flags(arguments)
    runs = arguments[0] == "run"
    names = [name for word in flags.tasks for name in word.split(",")]
    if runs and not {"-h", "--help"}.intersection(arguments):
        stay_offline_if_cut_off()  # before the libraries are imported
    if runs:
        arguments += _checked(flags, names)
        loglik_cache.switch_on()
    if not flags.include_path:
        arguments += ["--include_path", str(tasks_dir())]
    import lm_eval.__main__  # noqa: F401  (so that it keeps the whole index)

    with ExitStack() as stack:
        stack.enter_context(our_index_alone([] if flags.include_path else names))
        failed = stack.enter_context(without_failed())
        stack.enter_context(unsaved_is_an_error(flags.output_path))
        _register(flags, stack)
        _call_harness(arguments, flags)
    return failed


def _checked(flags: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """Check names, output path and checkpoint before anything is loaded; return the flags to add."""
    ours = [name for name in names if name.startswith("mcqa_") and not any(c in name for c in "*?/")]
    if ours and not flags.include_path:
        check_names(ours, list(listed()))
    check_writable(flags.output_path)
    return [*as_trained(flags), *default_model(flags)]


def _register(flags: argparse.Namespace, stack: ExitStack) -> None:
    """Put our filters and models into the harness's registries."""
    import mcqa_suite.harness.filters  # noqa: F401  (registers mcqa_letters, mcqa_numbers, mcqa_grids)

    prefix.register()
    if named_model(flags) in SERVER_MODELS:
        from mcqa_suite.evaluation import servers

        processes.go_on_alone()  # else every process would send every request
        servers.register()
    if processes.world() > 1:
        from mcqa_suite.backend.shared_model import shared_models

        stack.enter_context(shared_models())


def _call_harness(arguments: list[str], flags: argparse.Namespace) -> None:
    from lm_eval.__main__ import cli_evaluate

    logging.getLogger("mcqa_suite").setLevel(logging.WARNING)
    before, sys.argv = sys.argv, ["lm_eval", *arguments]
    try:
        cli_evaluate()
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise explain(error, subject(error, flags)) or McqaError(
            f"lm_eval: {words} (mcqa --debug eval ... shows where)"
        ) from error
    finally:
        sys.argv = before


def read_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """The few flags that matter here; the harness reads all of them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--tasks", "-t", nargs="+", default=[])
    parser.add_argument("--include_path", default=None)
    parser.add_argument("--model", "-M", default=None)
    parser.add_argument("--config", "-C", default=None)
    parser.add_argument("--output_path", "-o", default=None)
    parser.add_argument("--model_args", "-a", nargs="+", default=[])
    parser.add_argument(CHAT_FLAG, nargs="?", const=True, default=None)
    return parser.parse_known_args(list(arguments[1:]))[0]


def model_args(flags: argparse.Namespace) -> dict[str, str]:
    """`--model_args` in the forms that the harness reads: a=b,c=d, or a=b c=d, or a JSON object."""
    text = ",".join(flags.model_args)
    if text.startswith("{"):
        try:
            return {key: str(value) for key, value in json.loads(text).items()}
        except ValueError:  # the harness reports it better
            return {}
    return dict(word.split("=", 1) for word in text.split(",") if "=" in word)


def as_trained(flags: argparse.Namespace) -> list[str]:
    """Check the checkpoint that `--model_args` names; return the chat template's flag where it was trained with the template."""
    values = model_args(flags)
    base, adapter = values.get("pretrained"), values.get("peft")
    checkpoint = adapter or base
    if not checkpoint:
        return []
    check_checkpoint(checkpoint, base if adapter else None)
    trained = chat_template_of(Path(checkpoint))
    setting = None if flags.apply_chat_template is None else True
    added, note = [], ""
    try:
        if use_chat_template(checkpoint, setting, trained, key=CHAT_FLAG) and setting is None:
            added, note = [CHAT_FLAG], f"{checkpoint} was trained with its chat template: {CHAT_FLAG} added"
    except ConfigError as error:  # a command line may apply another template on purpose
        note = f"warning: {error}"
    if note and processes.is_main():
        print(f"mcqa: {note}", file=sys.stderr)
    return added


def named_model(flags: argparse.Namespace) -> Any:
    """The backend that `--model` or `--config` names, if one does."""
    config: Any = {}
    with suppress(OSError, yaml.YAMLError):  # the harness reports it
        config = yaml.safe_load(Path(flags.config).read_text(encoding="utf-8")) if flags.config else {}
    return flags.model or (isinstance(config, dict) and config.get("model"))


def default_model(flags: argparse.Namespace) -> list[str]:
    """The flag for `hf-prefix`, where neither `--model` nor `--config` names a backend."""
    return [] if named_model(flags) else ["--model", prefix.NAME]


def subject(error: BaseException, flags: argparse.Namespace) -> str:
    """What a failure is about: the data set that the message quotes, else the checkpoint, else the tasks."""
    if quoted := re.search(r"[Dd]ata ?set '?([\w.-]+/[\w.-]+)'?|reach '([\w.-]+/[\w.-]+)'", str(error)):
        return quoted[1] or quoted[2]
    return model_args(flags).get("pretrained") or ", ".join(flags.tasks)


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
