"""The folders of task YAMLs, training scripts and shared data, in a checkout or an installed package."""

from __future__ import annotations

import os
from pathlib import Path

from mcqa_suite.common.errors import MissingDataError

PACKAGE = Path(__file__).resolve().parents[1]


def checkout(package: Path = PACKAGE) -> Path | None:
    """The root of the checkout that contains `package`; None for an installed package."""
    root = package.parents[1]
    try:
        project = (root / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return None
    return root if 'name = "mcqa-suite"' in project and (root / "tasks").is_dir() else None


def tasks_dir() -> Path:
    """The folder for `lm_eval --include_path`; for imports it is `mcqa_suite.tasks`."""
    return _folder("tasks")


def training_dir() -> Path:
    """The folder of the training scripts and their configs."""
    return _folder("training", installed="_training")


def _folder(name: str, installed: str | None = None) -> Path:
    packaged = PACKAGE / (installed or name)
    return packaged if packaged.is_dir() else PACKAGE.parents[1] / name


def shared_dir(package: Path = PACKAGE) -> Path | None:
    """The folder of shared data: `$MCQA_SHARED`, or `shared` beside a checkout; None for an installed package without it."""
    if folder := os.environ.get("MCQA_SHARED"):
        return Path(folder)
    root = checkout(package)
    return root.parent / "shared" if root else None


def shared_path(name: str) -> Path:
    """A path in the folder of shared data; MissingDataError where there is no such folder."""
    folder = shared_dir()
    if folder is None:
        raise MissingDataError(f"$MCQA_SHARED/{name}: MCQA_SHARED is not set; set it to the folder of shared data")
    return folder / name


def hub_mirror() -> Path | None:
    """The folder with copies of public data sets, one folder `<owner>/<name>` each; None where there is none."""
    folder = shared_dir()
    return (folder / "hub").resolve() if folder and (folder / "hub").is_dir() else None
