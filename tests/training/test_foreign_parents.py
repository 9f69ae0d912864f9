"""A stage made from a stranger's checkpoint: its code does not run, and its weights are whole."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.foreign_checkpoints import with_code, with_tensors
from helpers.locations import REPOSITORY, TRAIN
from helpers.stage_settings import SFT
from helpers.training_scripts import default_warnings, run_stage

from mcqa_suite.common.errors import CheckpointError

BITS = {"bits": 4, "group_size": 32, "calibration": [{"source": "epfl", "path": str(TRAIN), "n": 8}]}


@pytest.mark.slow
@default_warnings
@pytest.mark.parametrize(("kind", "config"), [("sft", SFT), ("gptq", BITS)])
def test_the_code_of_a_parent_does_not_run(tiny_checkpoint, tmp_path, monkeypatch, kind, config):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    parent, marker = with_code(tiny_checkpoint, tmp_path / "own")
    folder = run_stage(kind, config, parent, tmp_path / kind)
    assert (folder / "model.safetensors").is_file()
    assert not marker.exists()


@pytest.mark.slow
@default_warnings
@pytest.mark.parametrize(("kind", "config"), [("sft", SFT), ("gptq", BITS)])
def test_a_parent_without_a_tensor_is_refused(tiny_checkpoint, tmp_path, kind, config):
    parent = with_tensors(
        tiny_checkpoint,
        tmp_path / "half",
        lambda tensors: {name: each for name, each in tensors.items() if name != "model.norm.weight"},
    )
    with pytest.raises(CheckpointError, match=r"tensors of the model are missing: model\.norm\.weight"):
        run_stage(kind, config, parent, tmp_path / kind)
    assert not (tmp_path / kind).exists()


def test_trainings_do_not_report_to_the_hub():
    """The variable is set before TRL and the hub's library read it."""
    program = "import mcqa_training, huggingface_hub.constants as hub; assert hub.HF_HUB_DISABLE_TELEMETRY"
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_DISABLE_TELEMETRY"}
    paths = os.pathsep.join([str(REPOSITORY / "training"), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment | {"PYTHONPATH": paths}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
