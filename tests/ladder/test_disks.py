"""A full or read-only disk, and results that could not be saved, are one line and lose nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.two_rungs import RECIPE, ROOT, halve, statuses

from mcqa_suite.common.errors import ConfigError, McqaError, StageError
from mcqa_suite.evaluation.saving import check_saved, check_writable, unsaved_is_an_error
from mcqa_suite.ladder.run import run_recipe


@pytest.mark.slow
@ROOT
@pytest.mark.parametrize("room", [0, 20_000, 120_000, 400_000])
def test_a_full_disk_is_one_line_loses_nothing_and_the_ladder_resumes_with_room(recipe, disk, capsys, room):
    recipe.write_text(recipe.read_text().partition("  - {name: g4")[0])
    statuses(recipe, capsys, disk / "run")
    recipe.write_text(RECIPE.format(base=read_base(recipe), output="unused"))
    g8 = contents_of(disk / "run/checkpoints/g8")
    free = shutil.disk_usage(disk).free
    (disk / "other").write_bytes(bytes(max(free - room, 0)))
    with pytest.raises((StageError, ConfigError)) as refused:
        run_recipe(recipe, disk / "run")
    assert "No space left on device" in str(refused.value)
    assert str(disk / "run") in str(refused.value)
    assert "then rerun to resume" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert contents_of(disk / "run/checkpoints/g8") == g8
    assert not (disk / "run/checkpoints/g4").exists()
    (disk / "other").unlink()
    subprocess.run(["mount", "-o", "remount,size=9m", disk], check=True)
    assert statuses(recipe, capsys, disk / "run") == {"g8": "unchanged", "g4": ""}


def read_base(recipe: Path) -> str:
    return re.search(r"^base: (.*)$", recipe.read_text(), re.MULTILINE)[1]


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@ROOT
def test_a_read_only_folder_is_one_line(recipe, disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(ConfigError, match="cannot be written: Read-only file system; choose another --output"):
        run_recipe(recipe, disk / "run")


@pytest.mark.parametrize("damage", [halve, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
@pytest.mark.parametrize("name", ["samples_mcqa_x_2026-01-01T00.jsonl", "results_2026-01-01T00.json"])
def test_truncated_samples_and_results_are_an_error(tmp_path, damage, name):
    (tmp_path / "samples_mcqa_x_2026-01-01T00.jsonl").write_text('{"doc_id": 0}\n{"doc_id": 1}\n')
    (tmp_path / "samples_mcqa_x_cot_2026-01-01T00.jsonl").write_text('{"doc_id": 0}\n')
    (tmp_path / "results_2026-01-01T00.json").write_text('{"results": {}\n}')
    check_saved(tmp_path, {"mcqa_x": 2, "mcqa_x_cot": 1})
    damage(tmp_path / name)
    with pytest.raises(McqaError, match="the harness could not write its results there"):
        check_saved(tmp_path, {"mcqa_x": 2, "mcqa_x_cot": 1})


@ROOT
def test_results_that_the_harness_could_not_save_are_an_error(disk):
    from lm_eval.loggers import EvaluationTracker

    def save() -> None:
        tracker = EvaluationTracker(output_path=str(disk / "out"))
        tracker.save_results_aggregated(results={"results": "x" * 100_000}, samples={})

    with unsaved_is_an_error("out"):
        save()
    (disk / "other").write_bytes(bytes(shutil.disk_usage(disk).free - 50_000))
    with (
        pytest.raises(McqaError, match="out: Could not save results aggregated: check space"),
        unsaved_is_an_error("out"),
    ):
        save()


@pytest.mark.parametrize("name", ["pipe", "dangling", "file/below", "file/results.json"])
def test_an_output_path_that_is_no_folder_is_an_error_before_the_run(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").touch()
    (tmp_path / "results.json").touch()
    check_writable(str(tmp_path / "results.json"))
    with pytest.raises(
        ConfigError, match=f"{name}: cannot be written: .*{name.partition('/')[0]} is not a folder; choose"
    ):
        check_writable(str(tmp_path / name))


@ROOT
def test_a_read_only_output_path_is_an_error_before_the_run(disk):
    check_writable(None)
    check_writable(str(disk / "not/there/yet"))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(ConfigError, match="is read-only; choose another --output_path"):
        check_writable(str(disk / "not/there/yet"))
