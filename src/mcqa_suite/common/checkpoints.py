"""Checkpoints on disk: completeness, size, adapters and their parents, and whether a chat template is used.

The headers of safetensors files are read without the library, which a light installation lacks.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from mcqa_suite.common.chat_template import DEFAULT, FORMATS, WITHOUT, ChatTemplate
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.files import inside, opened, read_text
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.manifest import CONTENT, MANIFEST, Manifest, Size, content_files, content_hash, read_manifest

ADAPTER, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
QUANTISED = ("gptq", "bnb")  # kinds of stages whose tensors hold several weights in a number
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
SETTING = re.compile(r"\w{1,40}", re.ASCII)
NO_TEMPLATE_REMEDY = "leave it out, or add a template to the checkpoint's tokenizer"
HUB_FILES = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
MOST_HEADER_BYTES = 100_000_000  # the limit of the safetensors library
# The floating-point types in safetensors files.
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
# Type in safetensors files -> torch's name; others keep their name.
TORCH_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
TORCH_NAMES |= {"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}


def is_adapter(folder: Path) -> bool:
    return (folder / ADAPTER).is_file()


def optional_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where it has none; CheckpointError where it cannot be read."""
    return read_manifest(folder) if (folder / MANIFEST).is_file() else None


def chat_template_of(folder: Path) -> ChatTemplate | None:
    """How a checkpoint is asked; None where no manifest says so."""
    manifest = optional_manifest(folder)
    return manifest.chat_template if manifest else None


def has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer in a folder has a chat template, in a file of its own or in its config."""
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        config = loads(read_text(folder / "tokenizer_config.json"))
    except (OSError, ValueError):
        return False
    return bool(config.get("chat_template"))


def use_chat_template(
    name: str, setting: ChatTemplate | None, recorded: ChatTemplate | None, *, key: str, available: bool
) -> ChatTemplate:
    """For each format whether the chat template is applied: as the user has set it, else as a manifest has recorded it.

    Else only written answers use the template, where there is one (`available`). Base, stages and sampling all decide by this
    function (training/README.md, "Chat template"). ConfigError where a template is to be used that the tokenizer lacks; `name`
    is the checkpoint and `key` the setting in the error.
    """
    chosen = (setting or ChatTemplate()).over(recorded).over(DEFAULT if available else WITHOUT)
    check_available(name, chosen, key=key, available=available)
    return chosen


def check_available(name: str, chosen: ChatTemplate, *, key: str, available: bool) -> None:
    """ConfigError where a template is to be used that the tokenizer of `name` lacks."""
    if not available and any(chosen[format] for format in FORMATS):
        raise ConfigError(f"{key}: the tokenizer of {name} has no chat template; {NO_TEMPLATE_REMEDY}")


def base_of_run(folder: Path) -> str | None:
    """The hub name of the base, for the folder that a run keeps of it, which holds only a manifest; None for any other folder.

    CheckpointError where the base was not on the hub, as a manifest records no path.
    """
    manifest = optional_manifest(folder)
    if manifest is None or manifest.kind != "base" or any(folder.glob("*.safetensors")):
        return None
    name = str(manifest.settings.get("base"))
    if "/" in name:
        return name
    how = manifest.chat_template.as_json() if manifest.chat_template else False
    flag = (
        f", with --apply_chat_template {json.dumps(how)}" if isinstance(how, bool) else f" ({manifest.chat_template})"
    )
    raise CheckpointError(f"{folder}: holds only the manifest of the base {name!r}; give the base's own folder{flag}")


def check_weights_present(folder: Path) -> None:
    """CheckpointError unless `folder` has a config and whole files of weights."""
    if not any((folder / name).is_file() for name in ("config.json", ADAPTER)) or not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{folder}: not a checkpoint; give a folder with config.json and *.safetensors")
    tensor_entries(folder)


def check_complete(folder: Path) -> None:
    """CheckpointError unless `folder` is a complete checkpoint or adapter whose content has the hash in its manifest."""
    check_weights_present(folder)
    manifest = optional_manifest(folder)
    if manifest and manifest.content != content_hash(folder):
        raise CheckpointError(f"{folder}: its files changed after its manifest was written; make it again")


def verified_content(folder: Path) -> str:
    """The content hash of a checkpoint; a line on stderr where its manifest names another."""
    content, manifest = content_hash(folder), optional_manifest(folder)
    if manifest and manifest.content != content and any(folder.glob("*.safetensors")):
        print(f"mcqa: {folder}: its files are not those that its manifest describes", file=sys.stderr, flush=True)
    return content


def find_parent(folder: Path) -> str | None:
    """The checkpoint that a stage started from, if it is beside it: its folder, or its name on the hub. None if it is not."""
    manifest = optional_manifest(folder) if folder.is_dir() else None
    if manifest is None or manifest.parent is None:
        return None
    parent = inside(folder.resolve().parent, manifest.parent.name)
    if not (parent / MANIFEST).is_file() or read_manifest(parent).content != manifest.parent.content:
        return None
    return base_of_run(parent) or str(parent)


def check_parent(adapter: Path, base: Path) -> None:
    """CheckpointError unless `base` is, byte for byte, the checkpoint that the adapter was trained on."""
    parent = read_manifest(adapter).parent
    if not is_adapter(adapter) or parent is None:
        raise CheckpointError(f"{adapter}: not an adapter; load it as a checkpoint")
    if content_hash(base) != parent.content:
        raise CheckpointError(
            f"{adapter}: was trained on {parent.name!r}, but {base} is another checkpoint; give the folder of {parent.name!r}"
        )


def checkpoint_size(folder: Path, parent: Path | None = None) -> Size | None:
    """The size of a checkpoint; give the `parent` of a quantised one to count parameters. None where that is not possible."""
    tensors, original = tensor_entries(folder), tensor_entries(parent or folder)
    parameters = sum(prod(entry["shape"]) for entry in original.values() if entry["dtype"] in FLOATS)
    if not tensors or not parameters or any(name.endswith(".qweight") for name in original):
        return None
    n_bytes = Counter[str]()
    for entry in tensors.values():
        start, end = entry["data_offsets"]
        n_bytes[TORCH_NAMES.get(entry["dtype"], entry["dtype"])] += end - start
    on_disk = sum(path.stat().st_size for path in content_files(folder))
    stored = ", ".join(name for name, _ in n_bytes.most_common())
    return Size(parameters, 8 * n_bytes.total() / parameters, on_disk, stored)


def check_files(folder: Path) -> None:
    """CheckpointError for a link to nothing, and for a shard that is not in the folder."""
    for path in folder.iterdir():
        if path.suffix in CONTENT and not path.is_file():
            what = "a folder" if path.is_dir() else "no file" if path.exists() else "a link to nothing"
            raise CheckpointError(f"{path}: {what}; copy the checkpoint again (cp -rL follows links)")
    for index in folder.glob("*.safetensors.index.json"):
        names = _read_json(index).get("weight_map") or {}
        for name in sorted({str(each) for each in names.values()} if isinstance(names, dict) else ["weight_map"]):
            if Path(name).name != name or not (folder / name).is_file():
                raise CheckpointError(f"{index}: {name[:80]!r} is no file in {folder}; copy the checkpoint again")


def check_tokens(folder: Path) -> None:
    """CheckpointError for an added token whose setting is no word: the library prints the names of unknown ones raw."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        content = _read_json(folder / name) if (folder / name).is_file() else {}
        listed, numbered = content.get("added_tokens"), content.get("added_tokens_decoder")
        tokens = [
            *(listed if isinstance(listed, list) else ()),
            *(numbered.values() if isinstance(numbered, dict) else ()),
        ]
        for key in (key for token in tokens if isinstance(token, dict) for key in token):
            if not SETTING.fullmatch(key):
                raise CheckpointError(f"{folder / name}: an added token has the setting {key[:40]!r}; remove it")


def check_plain_adapter(folder: Path) -> None:
    """CheckpointError for an adapter that is no LoRA in safetensors, or that would import a module or load another model."""
    config = _read_json(folder / ADAPTER)
    if (kind := config.get("peft_type")) != "LORA" or config.get("megatron_config"):
        raise CheckpointError(f"{folder / ADAPTER}: an adapter of type {kind!r}; only plain LoRA adapters are read")
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise CheckpointError(f"{folder}: no {ADAPTER_WEIGHTS}; copy the adapter again, or save it as safetensors")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = loads(read_text(path))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({' '.join(str(error).split())[:100]})") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: not a JSON object; copy the checkpoint again")
    return content


def measured_size(folder: Path, manifest: Manifest, parent: Path | None) -> Size | None:
    """The size of a checkpoint by its files, or as its `manifest` says where the weights are not in `folder`.

    The parameters of a quantised one are counted in `parent`; where that has no weights, their number is the manifest's.
    """
    recorded = manifest.size
    if not any(folder.glob("*.safetensors")):
        return recorded
    if manifest.kind not in QUANTISED:
        return checkpoint_size(folder)
    if parent and (size := checkpoint_size(folder, parent)):
        return size
    if recorded is None or recorded.parameters <= 0:
        return None
    n_bytes = sum(end - start for start, end in (entry["data_offsets"] for entry in tensor_entries(folder).values()))
    on_disk = sum(path.stat().st_size for path in content_files(folder))
    return replace(recorded, bits_per_weight=8 * n_bytes / recorded.parameters, bytes_on_disk=on_disk)


def tensor_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """The dtype, shape and data_offsets of every tensor of a folder, by name.

    CheckpointError for a file whose size is not the one in its header, and as `check_files`.
    """
    check_files(folder)
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        entries |= _header(path)
    return entries


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a header: 8 bytes with its length, then JSON."""
    size, end, entries = path.stat().st_size, -1, {}
    with opened(path) as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length <= min(size, MOST_HEADER_BYTES):
            with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
                entries = loads(stream.read(length))
                entries.pop("__metadata__", None)
                end = max((_end(entry) for entry in entries.values()), default=0)
    if 8 + length + end != size:
        raise CheckpointError(f"{path}: broken or incomplete; make it again, or copy it again")
    return entries


def _end(entry: dict[str, Any]) -> int:
    """The offset where a tensor's bytes end; ValueError for an entry that is not a tensor."""
    numbers = [*entry["shape"], *entry["data_offsets"]]
    if not isinstance(entry["dtype"], str) or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("not a tensor")
    return int(entry["data_offsets"][1])
