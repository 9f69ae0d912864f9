"""What a checkpoint's manifest asks of its evaluation: an adapter its recorded parent, a chat template the same template."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.checkpoints import (
    HUB_FILES,
    HUB_NAME,
    chat_template_of,
    check_parent,
    is_adapter,
    optional_manifest,
)
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import check_tensor_files


def check_checkpoint(checkpoint: str, base: str | None) -> None:
    """CheckpointError for what cannot be evaluated: an adapter on anything but its parent, a reward model, half a file."""
    folder = Path(checkpoint)
    if not folder.is_dir():  # a name on the hub
        return
    manifest = optional_manifest(folder)
    if manifest and manifest.kind == "reward":
        raise CheckpointError(f"{checkpoint}: a reward model, which scores answers and gives none; evaluate its parent")
    check_tensor_files(folder)
    if not is_adapter(folder):
        if base:
            raise CheckpointError(f"{checkpoint}: is no adapter, and a base ({base}) is given; take the base out")
        return
    if base is None:
        of = f" {manifest.parent.name!r}" if manifest and manifest.parent else ""
        raise CheckpointError(f"{checkpoint}: is an adapter; give the folder of its parent{of} as the base")
    if manifest is None:
        print(f"mcqa: {checkpoint}: no manifest, so its base cannot be checked", file=sys.stderr)
        return
    check_parent(folder, _folder(base))


def _folder(base: str) -> Path:
    """A folder, or that of a hub's model in the local cache."""
    if Path(base).is_dir() or not HUB_NAME.fullmatch(base):
        return Path(base)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(base, allow_patterns=HUB_FILES))
    except OSError as error:  # a name that is not there is one too
        raise CheckpointError(
            f"{base}: is no folder, nor on the hub; give the folder of the adapter's parent"
        ) from error


def followed(entry: Mapping[str, Any], checkpoint: str, where: str) -> dict[str, Any]:
    """The entry of a plan with `apply_chat_template` as the checkpoint was trained; ConfigError where it says otherwise."""
    asked, trained = entry.get("apply_chat_template"), chat_template_of(Path(checkpoint))
    if None not in (asked, trained) and bool(asked) != trained:
        raise ConfigError(
            f"{where}: apply_chat_template: {str(bool(asked)).lower()}, but {Path(checkpoint).name} was trained "
            f"{'with' if trained else 'without'} its chat template; take the key out, and evaluation follows the manifest"
        )
    return {**entry, "apply_chat_template": bool(trained if asked is None else asked)}
