"""Checkpoints on disk: completeness, adapters and their parents, and whether a chat template is used."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import MANIFEST, Manifest, content_hash, read_manifest
from mcqa_suite.common.tensor_files import tensor_entries

ADAPTER = "adapter_config.json"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
NO_TEMPLATE_REMEDY = "leave it out, or add a template to the checkpoint's tokenizer"
HUB_FILES = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken"]


def is_adapter(folder: Path) -> bool:
    return (folder / ADAPTER).is_file()


def optional_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, None where it has none; CheckpointError where it cannot be read."""
    return read_manifest(folder) if (folder / MANIFEST).is_file() else None


def chat_template_of(folder: Path) -> bool | None:
    """Whether a checkpoint was trained with its chat template; None where no manifest says so."""
    manifest = optional_manifest(folder)
    return manifest.chat_template if manifest else None


def has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer in a folder has a chat template, in a file of its own or in its config."""
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(config.get("chat_template"))


def use_chat_template(
    name: str,
    setting: bool | None,
    trained: bool | None,
    *,
    key: str,
    available: bool = True,
    default: bool = False,
) -> bool:
    """Whether to apply the chat template: the user's `setting`, else how the checkpoint was `trained`, else `default`.

    ConfigError where the setting contradicts the training, or where the tokenizer has no template (not `available`). `name` is
    the checkpoint and `key` the setting in the error.
    """
    if None not in (setting, trained) and setting != trained:
        how = "with" if trained else "without"
        raise ConfigError(f"{key}: {name} was trained {how} its chat template; leave it out to follow the manifest")
    chosen = next(value for value in (setting, trained, default) if value is not None)
    if chosen and not available:
        raise ConfigError(f"{key}: the tokenizer of {name} has no chat template; {NO_TEMPLATE_REMEDY}")
    return chosen


def check_complete(folder: Path) -> None:
    """CheckpointError unless `folder` is a complete checkpoint or adapter whose content has the hash in its manifest."""
    if not any((folder / name).is_file() for name in ("config.json", ADAPTER)) or not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{folder}: not a checkpoint; give a folder with config.json and *.safetensors")
    tensor_entries(folder)
    manifest = optional_manifest(folder)
    if manifest and manifest.content != content_hash(folder):
        raise CheckpointError(f"{folder}: its files changed after its manifest was written; make it again")


def check_parent(adapter: Path, base: Path) -> None:
    """CheckpointError unless `base` is, byte for byte, the checkpoint that the adapter was trained on."""
    parent = read_manifest(adapter).parent
    if not is_adapter(adapter) or parent is None:
        raise CheckpointError(f"{adapter}: not an adapter; load it as a checkpoint")
    if content_hash(base) != parent.content:
        raise CheckpointError(
            f"{adapter}: was trained on {parent.name!r}, but {base} is another checkpoint; give the folder of {parent.name!r}"
        )
