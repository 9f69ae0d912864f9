"""`mcqa eval`: the harness's own command line, every flag unchanged, with this suite's tasks on its include path."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mcqa_suite.backend import loglik_cache, prefix, processes
from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.backend.pretrained import whole_models
from mcqa_suite.common.checkpoints import base_of_run, chat_template_of, has_chat_template
from mcqa_suite.common.config import read_yaml
from mcqa_suite.common.errors import ConfigError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.evaluation.chat_template import calls_of, one_model
from mcqa_suite.evaluation.failed_requests import FailedItems, failure_lines, without_failed
from mcqa_suite.evaluation.flags import harness_parser
from mcqa_suite.evaluation.generation_settings import check_generation
from mcqa_suite.evaluation.group_settings import with_group_settings
from mcqa_suite.evaluation.messages import said_once, without_git_errors
from mcqa_suite.evaluation.model_arguments import check_settings
from mcqa_suite.evaluation.output_folder import closing_lines, model_folder, newest_folder, saved_by_default
from mcqa_suite.evaluation.saving import check_writable, unsaved_is_an_error
from mcqa_suite.evaluation.secret_settings import check_no_secret
from mcqa_suite.harness.tasks import check_names, include_path, listed, with_local_data

SUBCOMMANDS = ("run", "ls", "validate")
ESTIMATE = ("estimate", "rate", "tflops")
ADAPTERS = ("peft", "lora_local_path")  # model arguments of hf and of vllm
HARNESS_MODELS = ("hf", "hf-auto", "huggingface")
SERVER_MODELS = ("local-completions", "local-chat-completions")
NEEDED = dict.fromkeys((prefix.NAME, "hf", "vllm"), ("pretrained",)) | dict.fromkeys(SERVER_MODELS, ("base_url",))
UNKNOWN_ARGUMENT = re.compile(r"got an unexpected keyword argument '(\w+)'")
EXAMPLES = {"pretrained": "FOLDER_OR_HUB_NAME", "base_url": "http://localhost:8000/v1/completions"}


def launch(argv: Sequence[str], show: Callable[[str], None] = print) -> int:
    """Run `lm_eval run ARGV`; 1 where a server left items unanswered, else 0. McqaError for what a user can fix.

    `show` prints the Markdown of an estimate.
    """
    words = list(argv) if argv and argv[0] in SUBCOMMANDS else ["run", *(argv or ["--help"])]
    if words[0] == "run" and not {"-h", "--help"}.intersection(words):
        stay_offline_if_cut_off()  # before the libraries are imported
    with processes.one_run():
        failed = _launch(words, show)
    for line in failure_lines(failed):
        print(f"mcqa: {line}", file=sys.stderr)
    return int(bool(failed))


def _launch(words: Sequence[str], show: Callable[[str], None]) -> FailedItems:
    from lm_eval.utils import setup_logging

    settings: dict[str, Any] = {"tasks": []}
    setup_logging()
    logging.getLogger("mcqa_suite").setLevel(logging.WARNING)
    try:
        args, settings = read_command(words)
        estimate, rate, tflops = (settings.pop(name, None) for name in ESTIMATE)
        trackers = vars(args).pop("log", None) or []  # of the command line alone: a configuration file sends nothing
        calls: list[dict[str, Any]] = [{}]
        if args.command == "run":
            check_no_secret(settings, "mcqa eval")
            check_complete(settings)
            if trackers and not estimate:
                from mcqa_suite.reporting.trackers.libraries import check as check_trackers

                check_trackers(trackers)
            saved = {} if estimate else saved_by_default(settings)
            vars(args).update(saved)
            settings |= saved
            calls = checked(settings)
            loglik_cache.switch_on()
        with ExitStack() as stack:
            stack.enter_context(local_managers([] if settings.get("include_path") else settings["tasks"]))
            failed = stack.enter_context(without_failed())
            stack.enter_context(with_group_settings())
            stack.enter_context(unsaved_is_an_error(settings.get("output_path")))
            stack.enter_context(said_once())
            stack.enter_context(without_git_errors())
            _register(settings.get("model"), stack)
            args.include_path = settings.get("include_path") or include_path(str(tasks_dir()))
            if estimate:
                show(estimate_text(settings, args.include_path, rate, tflops))
                return failed
            if len(calls) > 1:
                stack.enter_context(one_model())
            for call in calls:
                vars(args).update(call)
                args.func(args)
        if args.command == "run" and processes.is_main():
            print("\n".join(closing_lines(str(settings["output_path"]))))
            if trackers:
                from mcqa_suite.reporting.trackers.runs import log_runs

                run = f"{model_folder(settings)}={newest_folder(str(settings['output_path']))}"
                print("\n".join(log_runs([run], trackers)))
    except McqaError:
        raise
    except Exception as error:
        if isinstance(error, TypeError) and (name := UNKNOWN_ARGUMENT.search(str(error))):
            raise ConfigError(f"--model_args: {name[1]}: not an argument of this model; leave it out") from error
        text = " ".join(str(error).split()) or type(error).__name__
        unknown = McqaError(f"lm_eval: {text} (mcqa --debug eval ... shows where)")
        raise explain(error, subject(error, settings)) or unknown from error
    return failed


def estimate_text(settings: Mapping[str, Any], folder: str | None, rate: float | None, tflops: float | None) -> str:
    import lm_eval.tasks as harness

    from mcqa_suite.evaluation.estimate import estimate_table
    from mcqa_suite.reporting.tables import markdown

    tasks = harness.TaskManager(include_path=folder, metadata=settings.get("metadata") or {})
    return markdown(estimate_table(settings, tasks, rate=rate, tflops=tflops))


def read_command(words: Sequence[str]) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The harness's arguments, and the settings that they give over those of `--config`'s file."""
    from lm_eval.utils import simple_parse_args_string

    args = harness_parser().parse_args(words)
    path = getattr(args, "config", None)
    flags = {name: value for name, value in vars(args).items() if value is not None}
    settings = {"tasks": [], **(read_yaml(Path(path)) if path else {}), **flags}
    for name in ESTIMATE:  # which the harness does not know
        vars(args).pop(name, None)
    if isinstance(settings["tasks"], str):
        settings["tasks"] = settings["tasks"].split(",")
    for name in ("model_args", "hf_hub_log_args", "gen_kwargs"):
        if isinstance(settings.get(name), str):  # in a configuration file
            settings[name] = simple_parse_args_string(settings[name])
    return args, settings


def check_complete(settings: Mapping[str, Any]) -> None:
    """ConfigError where no task or no model is given, for a setting of another type, and for an unknown setting of generation;
    argparse knows none of them, since a configuration file may hold them."""
    check_settings(settings, settings.get("model") or prefix.NAME)
    if not settings["tasks"]:
        raise ConfigError("--tasks: none given; `mcqa tasks` lists those of this suite, `mcqa eval ls tasks` all")
    arguments, needed = settings.get("model_args") or {}, NEEDED.get(settings.get("model") or prefix.NAME, ())
    if absent := [name for name in needed if not arguments.get(name)]:
        examples = ",".join(f"{name}={EXAMPLES[name]}" for name in absent)
        raise ConfigError(f"--model_args: no {' and no '.join(absent)}; give {examples}")
    try:
        check_generation(settings.get("gen_kwargs"))
    except ValueError as error:
        raise ConfigError(f"--gen_kwargs: {error}") from None


def checked(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Check names, output path and checkpoint before anything is loaded; return the arguments to add for each call of the
    harness: one, or where its tasks are asked in both ways one without and one with the chat template."""
    ours = [name for name in settings["tasks"] if name.startswith("mcqa_") and not any(c in name for c in "*?/")]
    if ours and not settings.get("include_path"):
        check_names(ours, list(listed()))
    check_writable(settings.get("output_path"))
    model: dict[str, Any] = {} if settings.get("model") else {"model": prefix.NAME}
    model_args = dict(settings.get("model_args") or {})
    adapter = next((str(model_args[name]) for name in ADAPTERS if model_args.get(name)), None)
    base = str(model_args["pretrained"]) if model_args.get("pretrained") else None
    if not (checkpoint := adapter or base):
        return [model]
    recorded = chat_template_of(Path(checkpoint))
    if base and (itself := base_of_run(Path(base))):  # the folder that a run keeps of its base stands for the base
        model |= {"model_args": model_args | {"pretrained": itself}}
        base = itself
    check_checkpoint(adapter or str(base), base if adapter else None)
    available = has_chat_template(Path(str(model_args.get("tokenizer") or base)))
    return [model | call for call in calls_of(settings, checkpoint, recorded, available)]


def _register(model: str | None, stack: ExitStack) -> None:
    """Put our filters and models into the harness's registries."""
    import mcqa_suite.harness.filters  # noqa: F401  (registers mcqa_letters, mcqa_numbers, mcqa_grids)

    prefix.register()
    if model in HARNESS_MODELS:
        stack.enter_context(whole_models())
    if model in SERVER_MODELS:
        from mcqa_suite.evaluation import servers

        processes.go_on_alone()  # else every process would send every request
        servers.register()
    if processes.world() > 1:
        from mcqa_suite.backend.shared_model import shared_models

        stack.enter_context(shared_models())


def subject(error: BaseException, settings: Mapping[str, Any]) -> str:
    """What a failure is about: the data set that the message quotes, else the checkpoint, else the tasks."""
    if quoted := re.search(r"[Dd]ata ?set '?([\w.-]+/[\w.-]+)'?|reach '([\w.-]+/[\w.-]+)'", str(error)):
        return quoted[1] or quoted[2]
    model_args = settings.get("model_args") or {}
    return str(model_args.get("pretrained") or ", ".join(settings["tasks"]))


@contextmanager
def local_managers(names: Sequence[str]) -> Iterator[None]:
    """Have the harness read data sets from the local mirror, and skip its own index where all `names` are this suite's.

    That index of 14,000 YAMLs takes six seconds.
    """
    import lm_eval.evaluator  # noqa: F401  (so that it does not meet the replacement)
    import lm_eval.tasks as harness

    ours = listed()
    alone = bool(names) and all(name in ours or re.match(r"mcqa_\w*[*?]", name) for name in names)
    whole = harness.TaskManager
    harness.TaskManager = lambda *words, **keys: with_local_data(
        whole(*words, **{"include_defaults": not alone} | keys)
    )
    try:
        yield
    finally:
        harness.TaskManager = whole
