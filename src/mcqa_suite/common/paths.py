"""Where the task YAMLs and the training scripts lie: inside the package when installed, in the repository otherwise."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def _folder(packaged: str, checkout: str) -> Path:
    inside = PACKAGE / packaged
    return inside if inside.is_dir() else PACKAGE.parent.parent / checkout


def tasks_dir() -> Path:
    """The folder for `lm_eval --include_path`."""
    return _folder("_tasks", "tasks")


def training_dir() -> Path:
    """The folder of the training scripts, their configs and the embedded base model."""
    return _folder("_training", "training")


def shared_dir() -> Path:
    """The folder of data that is read in place: `$MCQA_SHARED`, by default `shared` beside a checkout."""
    return Path(os.environ.get("MCQA_SHARED") or PACKAGE.parents[2] / "shared")


def hub_mirror() -> Path | None:
    """The folder in it that holds public data sets as `<owner>/<name>`, if there is one."""
    return hub.resolve() if (hub := shared_dir() / "hub").is_dir() else None
