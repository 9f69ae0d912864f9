"""A rerun makes damaged folders again, and keeps what only looks changed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from helpers.two_rungs import contents, halve, statuses

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.locks import run_lock
from mcqa_suite.common.manifest import MANIFEST
from mcqa_suite.ladder.run import run_recipe


def flip(path: Path) -> None:
    """One bit in the middle; size and dates stay."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, halve, Path.unlink])
def test_a_damaged_checkpoint_is_detected_by_its_bytes_and_made_again(recipe, tmp_path, capsys, damage):
    statuses(recipe, capsys)
    before = contents(tmp_path / "run")
    damage(tmp_path / "run/checkpoints/g8/model.safetensors")
    assert statuses(recipe, capsys) == {"g8": "(its files changed)", "g4": "unchanged"}
    assert contents(tmp_path / "run") == before
    assert statuses(recipe, capsys) == {"g8": "unchanged", "g4": "unchanged"}


OLDER = {"chat_template", "adapter", "schema", "metrics", "size"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schema": 2}, "unchanged"),
        ({"schema": 2, "of_a_later_version": 1}, "unchanged"),
        ({"schema": "x" * 999}, "(its manifest is broken or changed)"),
        ({"seconds": 1.5, "checksum": "that of another number"}, "(its manifest is broken or changed)"),
        ({"mcqa_suite": "99.0"}, "unchanged"),
        (dict.fromkeys(OLDER), "unchanged"),
    ],
    ids=["newer", "newer with a new key", "no number", "another number", "newer release, same schema", "older"],
)
def test_a_manifest_of_another_version_is_read_and_a_broken_one_remade(recipe, tmp_path, capsys, changes, expected):
    statuses(recipe, capsys)
    before, path = contents(tmp_path / "run"), tmp_path / "run/checkpoints/g8" / MANIFEST
    changed = json.loads(path.read_text()) | {"checksum": None} | changes
    path.write_text(json.dumps({key: value for key, value in changed.items() if value is not None}))
    assert statuses(recipe, capsys) == {"g8": expected, "g4": "unchanged"}
    assert contents(tmp_path / "run") == before


@pytest.mark.slow
@pytest.mark.parametrize("days", [365, -365 * 40], ids=["ahead", "back"])
def test_the_dates_of_files_do_not_matter(recipe, tmp_path, capsys, days):
    statuses(recipe, capsys)
    for path in (tmp_path / "run").rglob("*"):
        os.utime(path, (time.time(), time.time() + days * 86400))
    assert statuses(recipe, capsys) == {"g8": "unchanged", "g4": "unchanged"}


def test_a_second_ladder_is_refused_before_it_writes_anything(recipe, tmp_path):
    with run_lock(tmp_path / "run"):
        with pytest.raises(ConfigError, match="another run uses this folder") as refused:
            run_recipe(recipe)
        assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]
    assert "\n" not in str(refused.value)
