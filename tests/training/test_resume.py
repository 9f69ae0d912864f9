"""A training that was interrupted goes on from the steps that it saved."""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from helpers.training_scripts import script

from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.common.paths import training_dir

ROWS = [{"source": "symbolic_local", "n": 64}]


def command(folder: Path, parent: Path, name: str, **trainer) -> list[str]:
    config = folder / "sft.yaml"
    trainer = {"max_steps": 40, "per_device_train_batch_size": 2, "save_strategy": "steps", "save_steps": 5} | trainer
    config.write_text(yaml.safe_dump({"data": ROWS, "trainer": trainer}), encoding="utf-8")
    script = training_dir() / "sft.py"
    return [
        sys.executable,
        str(script),
        "--config",
        str(config),
        "--parent",
        str(parent),
        "--output",
        str(folder / name),
    ]


def run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def interrupt(words: list[str], steps: Path) -> None:
    """Kill the training as soon as it has saved."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(steps.glob("checkpoint-*/trainer_state.json")):
            time.sleep(0.01)
        assert process.poll() is None
        process.kill()


def test_saved_steps_are_of_one_parent_one_file_of_settings_and_the_same_rows(tmp_path):
    resume = script("mcqa_training.resume")
    args = Namespace(config=tmp_path / "sft.yaml", output=tmp_path / "sft", parent=tmp_path / "parent")
    args.parent.mkdir()
    trainer = SimpleNamespace(output_dir=str(tmp_path / ".sft.steps"))
    rows = [{"prompt": "One and one is", "completion": " two"}]

    def goes_on() -> bool:
        """Whether a training goes on from what is there; one that does not saves its first step."""
        folder = Path(trainer.output_dir)
        folder.mkdir(exist_ok=True)
        saved = resume.last_saved(args, trainer, rows)
        (folder / "checkpoint-1").mkdir(exist_ok=True)
        (folder / "checkpoint-1" / "trainer_state.json").write_text("{}", encoding="utf-8")
        return saved is not None

    args.config.write_text("seed: 0", encoding="utf-8")
    (args.parent / "config.json").write_text("{}", encoding="utf-8")
    assert [goes_on(), goes_on()] == [False, True]
    args.config.write_text("seed: 1", encoding="utf-8")
    assert [goes_on(), goes_on()] == [False, True]
    (args.parent / "config.json").write_text('{"vocab_size": 2}', encoding="utf-8")
    assert [goes_on(), goes_on()] == [False, True]
    rows.append({"prompt": "Two and two is", "completion": " four"})  # fewer rows are left out now
    assert [goes_on(), goes_on()] == [False, True]
    trainer.output_dir = str(tmp_path)  # of a trainer that does not save
    assert resume.last_saved(args, trainer, rows) is None


@pytest.mark.slow
def test_it_ends_with_the_weights_of_an_unbroken_one_and_begins_again_with_other_settings(tmp_path, tiny_checkpoint):
    run(command(tmp_path, tiny_checkpoint, "unbroken"))
    words, steps = command(tmp_path, tiny_checkpoint, "sft"), tmp_path / ".sft.steps"
    interrupt(words, steps)
    (steps / "checkpoint-39").mkdir()  # interrupted while it was saved
    assert "going on from checkpoint-" in run(words)
    assert not steps.exists()
    assert read_manifest(tmp_path / "sft").metrics["steps"] == 40
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("unbroken", "sft")]
    assert weights[0] == weights[1]

    interrupt([*words[:-1], str(tmp_path / "other")], tmp_path / ".other.steps")
    assert "going on" not in run(command(tmp_path, tiny_checkpoint, "other", learning_rate=1e-3))
