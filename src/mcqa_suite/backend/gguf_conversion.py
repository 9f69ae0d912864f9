"""Convert a GGUF file to a checkpoint with plain weights; the ladder starts this as a process.

python -m mcqa_suite.backend.gguf_conversion --base model.gguf --output runs/X/checkpoints/base --save_dtype bfloat16

transformers dequantises the weights and builds the tokenizer from the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcqa_suite.backend.gguf_file import GgufFile, describe, find_gguf
from mcqa_suite.common import extras
from mcqa_suite.common.checkpoints import checkpoint_size
from mcqa_suite.common.errors import CheckpointError, ConfigError, exit_code
from mcqa_suite.common.locks import write_lock
from mcqa_suite.common.manifest import Manifest, complete_folder, content_hash, hardware, versions, write_manifest
from mcqa_suite.reporting.model_card.files import write_first_card

KIND = "base"  # of the manifest
REMEDY = (
    "give a file of a model that transformers reads (llama, qwen2, qwen3, phi3, gemma3, ...), or the model's own folder"
)


def convert(base: str, output: Path, save_dtype: str = "bfloat16") -> Manifest:
    """Write the model of a GGUF file as a checkpoint with weights in `save_dtype`, tokenizer, chat template, manifest and card.

    `base` is a path, OWNER/NAME/FILE.gguf on the hub or the name of a packaged model. CheckpointError for a file that cannot
    be converted; ConfigError where `output` cannot be written.
    """
    extras.require(base, "eval")
    start, path, output = time.perf_counter(), find_gguf(base), output.absolute()
    facts = describe(path)
    try:
        with write_lock(output), complete_folder(output) as folder:
            with _read_once():
                tokenizer, model = _load(path, facts, save_dtype)
            _save(model, tokenizer, folder)
            manifest = Manifest(
                kind=KIND,
                name=output.name,
                parent=None,
                settings=settings_of(base, facts, save_dtype),
                content=content_hash(folder),
                seed=0,
                hardware=hardware(),
                seconds=time.perf_counter() - start,
                versions=versions("torch", "transformers", "gguf"),
                size=checkpoint_size(folder),
            )
            write_manifest(folder, manifest)
            write_first_card(folder, output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written ({error.strerror or error}); choose another folder") from error
    return manifest


def settings_of(base: str, facts: GgufFile, save_dtype: str) -> dict[str, Any]:
    """What a manifest records of a conversion; of a path, the name of the file alone."""
    name = facts.file if Path(base).is_file() else base
    return {"base": name, "save_dtype": save_dtype, "gguf": dataclasses.asdict(facts)}


@contextmanager
def _read_once() -> Iterator[None]:
    """Keep what `gguf` reads within the block: transformers asks three times for the whole file, and for the same table of names
    once a module, which takes half of a conversion."""
    import gguf

    names = ("GGUFReader", "get_tensor_name_map")
    originals = {name: getattr(gguf, name) for name in names}
    try:
        for name, function in originals.items():
            setattr(gguf, name, functools.cache(function))
        yield
    finally:
        for name, function in originals.items():
            setattr(gguf, name, function)


def _load(path: Path, facts: GgufFile, dtype: str) -> tuple[Any, Any]:
    """The tokenizer and the model, whose weights are converted to `dtype` one by one."""
    import torch
    import transformers

    loader: Any = transformers.AutoModelForCausalLM
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype), "output_loading_info": True}
    settings |= {"quantization_config": transformers.GgufConfig(dequantize=True)}
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
            path.parent, gguf_file=path.name, trust_remote_code=False
        )
        model, loaded = loader.from_pretrained(
            path.parent, gguf_file=path.name, use_safetensors=True, trust_remote_code=False, **settings
        )
    # What transformers raises for architectures and files that it cannot read.
    except (ValueError, KeyError, NotImplementedError, AttributeError, TypeError, IndexError, RuntimeError) as error:
        reason = " ".join(str(error).split()).split(". ")[0].rstrip(".")[:160]
        raise CheckpointError(f"{path}: architecture {facts.architecture!r}: {reason}; {REMEDY}") from error
    if missing := sorted(loaded["missing_keys"]):
        more = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise CheckpointError(f"{path}: has no weights for {missing[0]}{more}; {REMEDY}")
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    return tokenizer, model


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save both; OSError where the disk is full."""
    from safetensors import SafetensorError

    try:
        model.save_pretrained(folder)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    tokenizer.save_pretrained(folder)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Convert a GGUF file to a checkpoint with plain weights.")
    parser.add_argument("--base", required=True, help="path, OWNER/NAME/FILE.gguf on the hub, or a packaged model")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--save_dtype", default="bfloat16")
    settings = vars(parser.parse_args(argv))
    return exit_code(lambda: convert(**settings))


if __name__ == "__main__":
    sys.exit(main())
