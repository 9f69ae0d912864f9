"""Checkpoints with the manifest of a stage."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mcqa_suite.common.manifest import Manifest, Parent, content_hash, hardware, write_manifest


def as_stage(checkpoint: Path, folder: Path, **facts: Any) -> Path:
    """A copy of a checkpoint with a manifest that says how it was made."""
    shutil.copytree(checkpoint, folder)
    parent = Parent("base", facts.pop("parent", "0"))
    settings = {"kind": "sft", "name": folder.name, "settings": {}, "seed": 0, "hardware": hardware(), "seconds": 1.0}
    write_manifest(folder, Manifest(**{**settings, **facts}, parent=parent, content=content_hash(folder)))
    return folder
