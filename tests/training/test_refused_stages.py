"""Mistakes that a stage refuses: half-written parents, and settings and rows that cannot work."""

from __future__ import annotations

import shutil

import pytest
from helpers.stage_settings import PAIRS, SFT, with_trainer
from helpers.training_scripts import default_warnings, run_stage, script

from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError

pytestmark = [pytest.mark.slow, default_warnings]


def test_an_incomplete_checkpoint_is_refused(tiny_checkpoint, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(tiny_checkpoint, half)
    whole = (half / "model.safetensors").read_bytes()
    (half / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: broken or incomplete"):
        run_stage("sft", SFT, half, tmp_path / "sft")
    other = run_stage("sft", SFT, tiny_checkpoint, tmp_path / "other")
    shutil.copy(tiny_checkpoint / "model.safetensors", other)
    with pytest.raises(CheckpointError, match="its files changed after its manifest was written"):
        run_stage("sft", SFT, other, tmp_path / "sft")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        run_stage("sft", SFT, tmp_path, tmp_path / "sft")


@pytest.mark.parametrize(
    ("kind", "config", "error", "words"),
    [
        ("sft", with_trainer(SFT, max_length=64), DatasetError, "tokens fill max_length 64; raise it"),
        ("sft", with_trainer(SFT, report_to="trackio"), ConfigError, "report_to: trackio is not installed"),
        ("dpo", {**PAIRS, "held_out": 0.01}, DatasetError, "held_out: 0.01 of 20 questions leaves one side empty"),
        ("dpo", with_trainer(PAIRS, learning_rate=1e18), ConfigError, "loss is nan at step"),
    ],
)
def test_bad_input_is_one_line(tiny_checkpoint, tmp_path, kind, config, error, words):
    with pytest.raises(error, match=words) as caught:
        run_stage(kind, config, tiny_checkpoint, tmp_path / "bad")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bad").exists()


def test_an_error_is_shown_without_control_characters_and_secrets(capsys, monkeypatch):
    def fails():
        raise ConfigError("a.yaml: \x1b[31mname: not-for-others")

    monkeypatch.setenv("HF_TOKEN", "not-for-others")
    assert script("mcqa_training.stage").exit_code(fails) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "a.yaml" in line]
    assert line.endswith("name: ...")
    assert "\x1b" not in line
