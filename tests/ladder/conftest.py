"""The ladder of two rungs, and a small disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.two_rungs import RECIPE, SCRIPT


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe's `output` is below the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def recipe(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe over a stand-in script, its run folder `run` beside it."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/gptq.py").write_text(SCRIPT)
    (tmp_path / "scripts/check.py").write_text("")
    monkeypatch.setattr("mcqa_suite.ladder.stages.training_dir", lambda: tmp_path / "scripts")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(base=tiny_checkpoint, output="run"))
    return path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
