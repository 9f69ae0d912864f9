"""Where the task YAMLs and the training scripts lie: inside the package when installed, in the repository otherwise."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _folder(packaged: str, checkout: str) -> Path:
    inside = PACKAGE / packaged
    return inside if inside.is_dir() else PACKAGE.parent.parent / checkout


def tasks_dir() -> Path:
    """The folder for `lm_eval --include_path`."""
    return _folder("_tasks", "tasks")


def training_dir() -> Path:
    """The folder of the training scripts, their configs and the embedded base model."""
    return _folder("_training", "training")


def hub_mirror() -> Path | None:
    """A folder that holds public data sets as `<owner>/<name>`: `$MCQA_SHARED/hub`, by default beside a checkout."""
    shared = Path(os.environ.get("MCQA_SHARED") or PACKAGE.parents[2] / "shared")
    return hub.resolve() if (hub := shared / "hub").is_dir() else None
