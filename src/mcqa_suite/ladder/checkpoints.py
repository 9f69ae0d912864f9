"""The base of a recipe, and whether a stage's folder still matches the recipe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.checkpoints import HUB_FILES, HUB_NAME
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import MANIFEST, Data, Parent, content_hash, read_manifest
from mcqa_suite.ladder.recipe import Recipe

BASE_KIND = "base"
REMEDY = "give a folder with config.json and *.safetensors, or the name of a model on the hub"


@dataclass(frozen=True)
class Expected:
    """The values that the manifest of an existing folder must have, or the stage runs again."""

    kind: str
    name: str
    parent: Parent
    settings: dict[str, Any]
    data: tuple[Data, ...]


def redo_reason(folder: Path, expected: Expected) -> str | None:
    """The reason to make `folder` again; None where it is kept, "" where it does not exist.

    All bytes are hashed each time, because dates and sizes do not show a flipped bit.
    """
    if not folder.exists():
        return ""
    if not (folder / MANIFEST).is_file():
        return "it was not complete"
    try:
        manifest = read_manifest(folder)
    except CheckpointError:
        return "its manifest is broken"
    try:
        if manifest.content != content_hash(folder):
            return "its files changed"
    except CheckpointError:
        return "its files are gone"
    if manifest.parent is None or (manifest.kind, manifest.name) != (expected.kind, expected.name):
        return f"it was {manifest.name} ({manifest.kind})"
    if manifest.parent.content != expected.parent.content:
        return f"its parent {expected.parent.name} changed"
    before, now = manifest.settings, json.loads(json.dumps(expected.settings))
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            return f"{key}: {_short(before.get(key))} -> {_short(now.get(key))}"
    if [asdict(data) for data in manifest.data] != [asdict(data) for data in expected.data]:
        return "its data changed"
    return None


def base_checkpoint(recipe: Recipe) -> Path:
    """The folder of the base, downloaded if it is a name on the hub; CheckpointError where it is missing."""
    folder = Path(recipe.base)
    if folder.is_absolute():
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            raise CheckpointError(f"{recipe.path}: base: {folder} is not a checkpoint; {REMEDY}")
        return folder
    if not HUB_NAME.fullmatch(recipe.base):
        raise CheckpointError(f"{recipe.path}: base: no checkpoint {recipe.base!r}; {REMEDY}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(recipe.base, allow_patterns=HUB_FILES))
    except GatedRepoError as error:
        raise CheckpointError(
            f"{recipe.path}: base: {recipe.base} is gated; ask for access on its hub page, then set HF_TOKEN"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"{recipe.path}: base: {recipe.base!r} is neither a folder nor on the hub; {REMEDY}"
        ) from error


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
