"""What the stages share: the command line, the libraries' configs, errors in one line, and the manifest at the end."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

# Read when torch is imported: OpenMP threads that spin while they wait make a small model ten times slower on a busy
# machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from mcqa_suite.backend import processes

os.environ.update(processes.quiet())

import torch
from transformers import TrainerCallback

from mcqa_suite.common.checkpoints import chat_template_of, check_complete, is_adapter
from mcqa_suite.common.config import check_keys
from mcqa_suite.common.errors import CheckpointError, ConfigError, McqaError
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import Manifest, Parent, checkpoint_size, content_hash, name_of, write_manifest
from mcqa_suite.ladder.stage_settings import TRAINED, Settings, read_settings, record

START = time.perf_counter()
GPU = torch.cuda.is_available()
TRAINER = {
    "report_to": "none",
    "save_strategy": "no",
    "logging_steps": 10,
    "logging_first_step": True,  # a run shorter than logging_steps has a curve too
    "gradient_checkpointing": False,
}
TRACKERS = ("wandb", "trackio", "tensorboard")
NO_MEMORY = ("can't allocate memory", "out of memory")  # how a CPU's and a GPU's allocator begin to complain


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one of several processes."""

    def error(self, message: str) -> NoReturn:
        if not processes.is_main():
            sys.exit(2)
        super().error(message)


def arguments(kind: str, description: str | None, check: Callable[[Any, str], Any] | None = None) -> argparse.Namespace:
    """The command line of a stage, its parent known to be a whole checkpoint.

    Of several processes a stage that trains nothing keeps the main one.

    `--check FILE...` reads settings as the stage would, calls `check` (settings, where) on each, and goes no further.
    """
    processes.hush()
    if kind not in TRAINED:
        processes.go_on_alone()
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, help="YAML with the settings of this stage")
    parser.add_argument("--parent", type=Path, help="folder of the checkpoint to start from")
    parser.add_argument("--parent-base", type=Path, help="the parent's own parent, where the parent is an adapter")
    parser.add_argument("--output", type=Path, help="folder to make; the last path part names the checkpoint")
    parser.add_argument(
        "--check", type=Path, nargs="+", metavar="FILE", help="check these settings, and do nothing else"
    )
    args = parser.parse_args()
    for file in args.check or ():
        settings = read_settings(kind, file)
        if check:
            check(settings, str(file))
    if args.check:
        sys.exit(0)
    if missing := [f"--{name}" for name in ("config", "parent", "output") if getattr(args, name) is None]:
        parser.error(f"the following arguments are required: {', '.join(missing)}")
    try:
        args.output.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{args.output}: cannot be made there: {error.strerror}; choose another --output") from error
    for folder in filter(None, (args.parent, args.parent_base)):
        check_complete(folder)
    args.parent, args.output = args.parent.resolve(), args.output.absolute()
    args.lock = write_lock(args.output) if processes.is_main() else None  # held as long as the process lives
    # by default below the trainer's own folder, which is gone at the end
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(args.output.with_name(f"{args.output.name}.tensorboard")))
    return args


def exit_code(main: Callable[[], None]) -> int:
    """0, or 2 with one line on stderr for what a user can mend."""
    try:
        with processes.failing_once():
            main()
    except McqaError as error:
        over_the_bar = "\r\x1b[K" if sys.stderr.isatty() else "\r"
        print(f"{over_the_bar}{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 2
    processes.leave()
    return 0


@contextmanager
def enough_memory(where: str, setting: str, size: Any, remedy: str) -> Iterator[None]:
    """ConfigError that names `setting` and its value where the block needs more memory than there is."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError, as is the CPU's own
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in NO_MEMORY):
            raise
        raise ConfigError(f"{where}: out of memory with {setting} {size}; {remedy}") from error


def training_memory(args: argparse.Namespace, config: Any) -> Any:
    remedy = "lower it and raise gradient_accumulation_steps by as much, lower max_length, or set qlora: true"
    size = config.per_device_train_batch_size
    return enough_memory(str(args.config), "per_device_train_batch_size", size, remedy)


def library_config(cls: type, values: dict[str, Any], fixed: dict[str, Any], where: str) -> Any:
    """An instance of a library's config class from a part of our YAML, its errors in one line."""
    check_keys(values, {field.name for field in dataclasses.fields(cls)} - fixed.keys(), where)
    try:
        return cls(**values, **fixed)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error


def trainer_config(cls: type, settings: Any, where: str, folder: str, **fixed: Any) -> Any:
    """TRL's config: what we fix, then what the YAML says, then our defaults."""
    fixed |= {
        "output_dir": folder,
        "seed": settings.seed,
        "use_cpu": not GPU,
        "bf16": GPU and settings.dtype == "bfloat16",
        "logging_nan_inf_filter": False,
    }
    # A recipe is a stranger's file, and with these a trainer may load a model again, its code with it.
    code = {"trust_remote_code": False, "model_init_kwargs": None}
    fixed |= {key: value for key, value in code.items() if key in {field.name for field in dataclasses.fields(cls)}}
    config = library_config(cls, TRAINER | settings.trainer, fixed, f"{where}: trainer")
    for name in TRACKERS:
        if name in config.report_to and not importlib.util.find_spec(name):
            raise ConfigError(
                f"{where}: trainer: report_to: {name} is not installed; pip install {name}, or take it out"
            )
    return config


class StopAtNaN(TrainerCallback):
    """One line instead of a checkpoint of NaNs."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise ConfigError(f"loss is {logs['loss']} at step {state.global_step}; lower learning_rate or use float32")


def use_chat(settings: Any, tokenizer: Any, where: str) -> bool:
    """Whether rows become conversations: what the settings say, or else whether the tokenizer has a chat template."""
    has_one = bool(getattr(tokenizer, "chat_template", None))
    if settings.chat_template and not has_one:
        raise ConfigError(f"{where}: chat_template: true, and the parent's tokenizer has none; set it to false")
    return has_one if settings.chat_template is None else bool(settings.chat_template)


def whole_parent(args: argparse.Namespace) -> Path:
    """The parent, known to hold a model's own weights."""
    if is_adapter(args.parent):
        raise CheckpointError(f"{args.parent}: is an adapter; merge it first (training/merge.py)")
    return Path(args.parent)


def finish(folder: Path, output: Path, parent: Path, kind: str, settings: Settings, **facts: Any) -> None:
    """Writes the manifest of the checkpoint in `folder`, which is about to be renamed to `output`."""
    unquantised = parent if kind in ("gptq", "bnb") else None
    if kind not in TRAINED:
        facts["chat_template"] = chat_template_of(parent)
    manifest = Manifest(
        kind=kind,
        name=output.resolve().name,
        parent=Parent(name_of(parent), content_hash(parent)),
        settings=record(settings),
        content=content_hash(folder),
        seed=settings.seed,
        seconds=time.perf_counter() - START,
        size=checkpoint_size(folder, unquantised),
        **facts,
    )
    write_manifest(folder, manifest)
