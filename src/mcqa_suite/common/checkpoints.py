"""Checkpoints on disk: completeness, adapters and their parents, and the chat template that a manifest records."""

from __future__ import annotations

import re
from pathlib import Path

from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import MANIFEST, Manifest, check_tensor_files, content_hash, read_manifest

ADAPTER = "adapter_config.json"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
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


def check_complete(folder: Path) -> None:
    """CheckpointError unless `folder` holds a complete checkpoint or adapter, with the content that its manifest names."""
    if not any((folder / name).is_file() for name in ("config.json", ADAPTER)) or not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{folder}: holds no checkpoint; give a folder with config.json and *.safetensors")
    check_tensor_files(folder)
    manifest = optional_manifest(folder)
    if manifest and manifest.content != content_hash(folder):
        raise CheckpointError(f"{folder}: its files are not those that its manifest names; make it again")


def check_parent(adapter: Path, base: Path) -> None:
    """CheckpointError unless `base` is, byte for byte, the checkpoint that the adapter was trained on."""
    parent = read_manifest(adapter).parent
    if not is_adapter(adapter) or parent is None:
        raise CheckpointError(f"{adapter}: is not an adapter; load it as a checkpoint")
    if content_hash(base) != parent.content:
        raise CheckpointError(
            f"{adapter}: an adapter of {parent.name!r}, and {base} is another checkpoint; give the folder of {parent.name!r}"
        )
