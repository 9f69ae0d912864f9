"""Which base a recipe names, and whether a stage's folder is still what the recipe asks for."""

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
class Wanted:
    """What a folder's manifest has to say for the folder to be kept."""

    kind: str
    name: str
    parent: Parent
    settings: dict[str, Any]
    data: tuple[Data, ...]


def why_redo(folder: Path, wanted: Wanted) -> str | None:
    """Why `folder` cannot stay, None if it can, and nothing to say ("") where there is none yet.

    Every byte is read each time: dates and sizes tell neither a flipped bit nor a clock that was wrong, and reading a checkpoint
    takes seconds where making it took hours.
    """
    if not folder.exists():
        return ""
    if not (folder / MANIFEST).is_file():
        return "it was not complete"
    try:
        there = read_manifest(folder)
    except CheckpointError:
        return "its manifest is broken, or another version's"
    try:
        if there.content != content_hash(folder):
            return "its files changed"
    except CheckpointError:
        return "its files are gone"
    if there.parent is None or (there.kind, there.name) != (wanted.kind, wanted.name):
        return f"it was {there.name} ({there.kind})"
    if there.parent.content != wanted.parent.content:
        return f"its parent {wanted.parent.name} changed"
    before, now = there.settings, json.loads(json.dumps(wanted.settings))
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            return f"{key}: {_short(before.get(key))} -> {_short(now.get(key))}"
    if [asdict(data) for data in there.data] != [asdict(data) for data in wanted.data]:
        return "its data changed"
    return None


def find_base(recipe: Recipe) -> Path:
    """The folder of the base: the recipe's own, or the hub's in the local cache. CheckpointError names the remedy."""
    folder = Path(recipe.base)
    if folder.is_absolute():
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            raise CheckpointError(f"{recipe.path}: base: {folder} holds no checkpoint; {REMEDY}")
        return folder
    if not HUB_NAME.fullmatch(recipe.base):
        raise CheckpointError(f"{recipe.path}: base: no checkpoint {recipe.base!r}; {REMEDY}")
    return _from_hub(recipe)


def _from_hub(recipe: Recipe) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(recipe.base, allow_patterns=HUB_FILES))
    except GatedRepoError as error:
        reason = "the hub gives it only to those it knows; ask for access there and set HF_TOKEN"
        raise CheckpointError(f"{recipe.path}: base: {recipe.base}: {reason}") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(f"{recipe.path}: base: {recipe.base!r} is no folder, nor on the hub; {REMEDY}") from error


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
