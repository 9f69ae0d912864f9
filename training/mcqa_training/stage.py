"""Shared parts of the stages: the command line, the configs of libraries, one-line errors, and the manifest."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from mcqa_training import resume, stored

import torch
from transformers import TrainerCallback, set_seed

from mcqa_suite.backend import processes
from mcqa_suite.backend.memory import peak_memory_mb
from mcqa_suite.common.chat_template import ChatTemplate, as_chat_template
from mcqa_suite.common.checkpoints import (
    QUANTISED,
    chat_template_of,
    check_available,
    check_complete,
    checkpoint_size,
    has_chat_template,
    is_adapter,
    use_chat_template,
)
from mcqa_suite.common.config import check_keys
from mcqa_suite.common.errors import CheckpointError, ConfigError, McqaError
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import (
    Manifest,
    Parent,
    content_hash,
    hardware,
    name_of,
    versions,
    write_manifest,
)
from mcqa_suite.common.output import shown
from mcqa_suite.ladder.stage_settings import TRAINED, read_leave_out, read_settings, record, rows_chat_template
from mcqa_suite.reporting.model_card.files import write_first_card

START = time.perf_counter()
GPU = torch.cuda.is_available()
TRAINER = {
    "report_to": "none",
    "save_strategy": "no",
    "save_total_limit": 1,
    "logging_steps": 10,
    "logging_first_step": True,  # a run shorter than logging_steps has a curve too
    "gradient_checkpointing": False,
}
# Old name -> the name that transformers has given the argument since.
RENAMED = {
    "gradient_checkpointing": "activation_checkpointing",
    "gradient_checkpointing_kwargs": "activation_checkpointing_kwargs",
}
# Arguments of the trainer that have an effect only where it evaluates (save_strategy: only `best`)
NEEDS_EVALUATION = (
    *("eval_strategy", "eval_on_start", "do_eval"),
    *("load_best_model_at_end", "metric_for_best_model", "save_strategy"),
)
TRACKERS = ("wandb", "trackio", "tensorboard")
NO_MEMORY = ("can't allocate memory", "out of memory")  # parts of the messages of a CPU's and a GPU's allocator
Configs = Callable[..., Any]  # (settings, where[, folder]) -> what a library makes of them; ConfigError names `where`


class Parser(argparse.ArgumentParser):
    """A parser whose errors are printed by only one of several processes."""

    def error(self, message: str) -> NoReturn:
        if not processes.is_main():
            sys.exit(2)
        super().error(message)


def start(kind: str, description: str | None, configs: Configs) -> tuple[argparse.Namespace, Any]:
    """Parse the command line of a stage, check its parent, and read its settings.

    `--check FILE...` only checks settings, with the libraries' `configs`, and exits. A stage that does not train continues in
    the main one of several processes.
    """
    if kind not in TRAINED:
        processes.go_on_alone()
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="YAML file with the settings of the stage")
    parser.add_argument("--parent", type=Path, help="folder of the checkpoint to start from")
    parser.add_argument("--parent-base", type=Path, help="the parent's own parent, where the parent is an adapter")
    parser.add_argument(
        "--chat-template",
        type=chat_template,
        metavar="JSON",
        help='how the parent is asked: true, false, or one for each format, such as \'{"letter": false, "written": true}\'; '
        "default: as its manifest says",
    )
    parser.add_argument("--output", type=Path, help="folder to create; its last part is the name of the checkpoint")
    parser.add_argument("--check", type=Path, nargs="+", metavar="FILE", help="check these settings and exit")
    args = parser.parse_args()
    if args.check:
        for file in args.check:
            configs(read_settings(kind, file), str(file))
        sys.exit(0)
    if missing := [f"--{name}" for name in ("config", "parent", "output") if getattr(args, name) is None]:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    try:
        args.output.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{args.output}: cannot be written: {error.strerror}; choose another --output") from error
    for folder in filter(None, (args.parent, args.parent_base)):
        check_complete(folder)
    args.chat_template = asked_like(args)
    args.kind, args.parent, args.output = kind, args.parent.resolve(), args.output.absolute()
    args.lock = write_lock(args.output) if processes.is_main() else None  # held as long as the process lives
    # The default is inside the trainer's own folder, which is deleted at the end.
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(args.output.with_name(f"{args.output.name}.tensorboard")))
    return args, read_settings(kind, args.config)


def chat_template(text: str) -> ChatTemplate | None:
    """The value of `--chat-template`; ValueError for what is no JSON or no way of asking."""
    return as_chat_template(json.loads(text))


def asked_like(args: argparse.Namespace) -> ChatTemplate:
    """How the parent is asked: by `--chat-template`, else by its manifest, else by the default."""
    recorded, available = chat_template_of(args.parent), has_chat_template(args.parent)
    return use_chat_template(str(args.parent), args.chat_template, recorded, key="--chat-template", available=available)


def exit_code(main: Callable[[], None]) -> int:
    """0, or 2 with one line on stderr for an error that a user can fix."""
    try:
        with processes.one_run():
            main()
    except McqaError as error:
        over_the_bar = "\r\x1b[K" if sys.stderr.isatty() else "\r"
        print(over_the_bar + shown(f"{Path(sys.argv[0]).name}: {error}"), file=sys.stderr)
        return 2
    return 0


@contextmanager
def training(args: argparse.Namespace, settings: Any, configs: Configs) -> Iterator[Any]:
    """Set the seed and yield the configs of trainer and adapter; running out of memory in the block is a ConfigError."""
    with resume.trainer_folder(args, settings) as folder:
        config, lora = configs(settings, str(args.config), folder)
        remedy = "lower it and raise gradient_accumulation_steps by as much, lower max_length, or set qlora: true"
        size = config.per_device_train_batch_size
        with enough_memory(args, "per_device_train_batch_size", size, remedy):
            set_seed(settings.seed)  # before the weights of a score layer and of LoRA are drawn
            yield config, lora


@contextmanager
def enough_memory(args: argparse.Namespace, setting: str, size: Any, remedy: str) -> Iterator[None]:
    """ConfigError that names `setting` and its value where the block runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError, as is the CPU's own
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        raise ConfigError(f"{args.config}: out of memory with {setting} {size}; {remedy}") from error


def library_config(cls: type, values: dict[str, Any], fixed: dict[str, Any], where: str) -> Any:
    """Make an instance of a library's config class from a part of our YAML; ConfigError for values that it refuses."""
    check_keys(values, {field.name for field in dataclasses.fields(cls)} - fixed.keys(), where)
    try:
        return cls(**values, **fixed)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error


def trainer_config(cls: type, settings: Any, where: str, folder: str, **fixed: Any) -> Any:
    """TRL's config from our defaults, the settings, which override them, and `fixed` values."""
    fixed |= {
        "output_dir": folder,
        "seed": settings.seed,
        "use_cpu": not GPU,
        "bf16": GPU and settings.dtype == "bfloat16",
        "logging_nan_inf_filter": False,
    }
    # A recipe may come from anyone; with these keys a trainer could load a model that runs its own code.
    code = {"trust_remote_code": False, "model_init_kwargs": None}
    # The rows are tokens already, made with the parent's own template (rows.py).
    code |= {"chat_template_path": None, "assistant_only_loss": False}
    names = {field.name for field in dataclasses.fields(cls)}
    fixed |= {key: value for key, value in code.items() if key in names}
    values = TRAINER | settings.trainer
    validation = getattr(settings, "validation", None)
    check_evaluation(values, 1.0 if validation else getattr(settings, "held_out", None), f"{where}: trainer")
    for old, new in RENAMED.items():
        if old in values and new in names:
            values.setdefault(new, values.pop(old))
    config = library_config(cls, values, fixed, f"{where}: trainer")
    for name in TRACKERS:
        if name in config.report_to and not importlib.util.find_spec(name):
            raise ConfigError(f"{where}: trainer: report_to: {name} is not installed; pip install {name}, or remove it")
    return config


def check_evaluation(trainer: dict[str, Any], held_out: float | None, where: str) -> None:
    """ConfigError for the first argument that needs an evaluation during training where there is none.

    `held_out` is the share of rows to evaluate on; None where the settings do not give one.
    """
    for name in NEEDS_EVALUATION:
        value = trainer.get(name)
        if value in (None, False, "no") or (name == "save_strategy" and value != "best"):
            continue
        if held_out is None:
            reason, remedy = "no rows are kept to evaluate on", f"set held_out, or remove {name}"
        elif not held_out:
            reason, remedy = "held_out is 0, so there are no rows to evaluate on", f"raise held_out, or remove {name}"
        elif trainer.get("eval_strategy") in (None, False, "no") and name != "eval_on_start":
            reason, remedy = "eval_strategy is 'no', so nothing is evaluated", f"set eval_strategy, or remove {name}"
        else:
            continue
        raise ConfigError(f"{where}: {name}: {value!r}: {reason}; {remedy}")


class StopAtNaN(TrainerCallback):
    """Stop with one line instead of saving a checkpoint of NaNs."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise ConfigError(f"loss is {logs['loss']} at step {state.global_step}; lower learning_rate or use float32")


def rows_template(args: argparse.Namespace, settings: Any) -> ChatTemplate:
    """How the rows are written, for each format that they have: as the settings say, else as the parent is asked."""
    chat = rows_chat_template(settings, args.chat_template)
    key, available = f"{args.config}: chat_template", has_chat_template(args.parent)
    check_available("the parent", chat, key=key, available=available)
    return chat


def check_quantisable(parent: Path) -> dict[str, Any]:
    """CheckpointError for a parent that is an adapter or quantised already; returns its config."""
    if is_adapter(parent):
        raise CheckpointError(f"{parent}: is an adapter; merge it first with training/merge.py")
    config: dict[str, Any] = json.loads((parent / "config.json").read_text(encoding="utf-8"))
    if "quantization_config" in config:
        raise CheckpointError(f"{parent}: is quantised already; quantise its parent")
    return config


def finish(
    folder: Path,
    args: argparse.Namespace,
    settings: Any,
    libraries: tuple[str, ...],
    n_processes: int = 1,
    **facts: Any,
) -> None:
    """Store the weights in the temporary `folder` in `save_dtype`, and write its manifest and model card.

    It is asked as its parent is.
    """
    stored.store(folder, settings.save_dtype, str(args.config))
    leave_out = read_leave_out(settings)
    manifest = Manifest(
        kind=args.kind,
        name=Path(os.path.abspath(args.output)).name,
        parent=Parent(name_of(args.parent), content_hash(args.parent)),
        settings=record(settings),
        content=content_hash(folder),
        seed=settings.seed,
        hardware=hardware(torch.cuda.get_device_name() if GPU else None, n_processes),
        seconds=time.perf_counter() - START,
        peak_memory_mb=peak_memory_mb(),
        size=checkpoint_size(folder, args.parent if args.kind in QUANTISED else None),
        left_out=leave_out and leave_out.record,
        versions=versions("torch", "transformers", *libraries),
        chat_template=args.chat_template,
        **facts,
    )
    write_manifest(folder, manifest)
    write_first_card(folder, args.output, *(path for path in (args.parent, args.parent_base) if path))
