"""What the training scripts share: the command line, the checks that come before training, the manifest after it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mcqa_suite.config import check_keys
from mcqa_suite.errors import CheckpointError, ConfigError, DatasetError, McqaError
from mcqa_suite.manifest import Manifest, Parent, checkpoint_size, content_hash, name_of, write_manifest
from mcqa_suite.settings import Settings, record

# Read when torch is imported: OpenMP threads that spin while they wait make a small model ten times slower on a busy
# machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
START = time.perf_counter()


def arguments(description: str | None) -> argparse.Namespace:
    """`--config`, `--parent` and `--output`, with the parent known to be a checkpoint."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="YAML with the settings of this stage")
    parser.add_argument("--parent", type=Path, required=True, help="folder of the checkpoint to start from")
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to make; the last path part names the checkpoint"
    )
    args = parser.parse_args()
    try:
        args.output.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{args.output}: cannot be made there: {error.strerror}; choose another --output") from error
    if not (args.parent / "config.json").is_file():
        raise CheckpointError(f"{args.parent}: no checkpoint there; give a folder with config.json and *.safetensors")
    args.parent, args.output = args.parent.resolve(), args.output.absolute()
    return args


def exit_code(main: Callable[[], None]) -> int:
    """0, or 2 with one line on stderr for what a user can mend."""
    try:
        main()
    except McqaError as error:
        over_the_bar = "\r\x1b[K" if sys.stderr.isatty() else "\r"
        print(f"{over_the_bar}{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 2
    return 0


def load(parent: Path, dtype: str) -> tuple[Any, Any]:
    """The model and the tokenizer of a checkpoint."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(parent, dtype=getattr(torch, dtype))
        return model, AutoTokenizer.from_pretrained(parent)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{parent}: cannot be loaded: {' '.join(str(error).split())}") from error


def library_config(cls: type, values: dict[str, Any], fixed: dict[str, Any], where: str) -> Any:
    """An instance of a library's config class from a part of our YAML, its errors in one line."""
    check_keys(values, {field.name for field in dataclasses.fields(cls)} - fixed.keys(), where)
    try:
        return cls(**values, **fixed)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error


def check_rows(rows: Sequence[dict[str, str]], tokenizer: Any, max_length: int | None) -> None:
    """DatasetError for a row that would not train its whole completion, and nothing but its completion."""
    prompts = tokenizer([row["prompt"] for row in rows]).input_ids
    wholes = tokenizer([row["prompt"] + row["completion"] for row in rows]).input_ids
    for row, prompt, whole in zip(rows, prompts, wholes, strict=True):
        if prompt and prompt[-1] == tokenizer.eos_token_id:  # some tokenizers end every text with one
            prompt = prompt[:-1]
        if whole[: len(prompt)] != prompt:
            raise DatasetError(f"{row['id']}: the prompt's tokens are not the start of prompt and completion's tokens")
        if len(whole) == len(prompt):
            raise DatasetError(f"{row['id']}: the completion {row['completion']!r} has no tokens")
        if max_length and len(whole) >= max_length:
            raise DatasetError(
                f"{row['id']}: {len(whole)} tokens do not fit max_length {max_length}; raise it or drop the row"
            )


def finish(folder: Path, output: Path, parent: Path, kind: str, settings: Settings, **facts: Any) -> None:
    """Writes the manifest of the checkpoint in `folder`, which is about to be renamed to `output`."""
    quantised = parent if kind == "gptq" else None
    manifest = Manifest(
        kind=kind,
        name=output.resolve().name,
        parent=Parent(name_of(parent), content_hash(parent)),
        settings=record(settings),
        content=content_hash(folder),
        seed=settings.seed,
        seconds=time.perf_counter() - START,
        size=checkpoint_size(folder, quantised),
        **facts,
    )
    write_manifest(folder, manifest)
