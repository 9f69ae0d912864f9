"""Weights are stored in `save_dtype` and computed in `dtype`; quantised weights and their scales stay as they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from helpers.locations import TRAIN
from helpers.training_scripts import default_warnings, run_stage, script, weights
from safetensors.torch import load_file, save_file

from mcqa_suite.common.checkpoints import checkpoint_size
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import read_manifest

ROWS = {"data": [{"source": "epfl", "path": str(TRAIN), "n": 16, "seed": 1, "style": "letter_text"}]}
SFT = {**ROWS, "lora": {"r": 4}, "trainer": {"max_steps": 1, "per_device_train_batch_size": 4, "learning_rate": 1e-2}}


def store(folder: Path, dtype: str) -> None:
    script("mcqa_training.stored").store(folder, dtype, "sft.yaml")


def test_float32_weights_are_rounded_and_the_config_says_so(tiny_checkpoint, tmp_path):
    from transformers import AutoModelForCausalLM

    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    before = weights(folder)
    store(folder, "bfloat16")
    after = weights(folder)
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], before[name].bfloat16()) for name in before)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    size = checkpoint_size(folder)
    assert (size.bits_per_weight, size.stored) == (16.0, "bfloat16")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert model.dtype == torch.bfloat16
    assert {path.name for path in folder.iterdir()} == {path.name for path in tiny_checkpoint.iterdir()}


def test_float32_is_stored_as_it_is(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    store(folder, "float32")
    assert (folder / "model.safetensors").read_bytes() == (tiny_checkpoint / "model.safetensors").read_bytes()


def test_quantised_weights_their_scales_and_the_state_of_bitsandbytes_stay(tmp_path):
    stays = {
        "a.qweight": torch.arange(8, dtype=torch.int32),
        "a.scales": torch.rand(4).half(),
        "b.weight": torch.arange(8, dtype=torch.uint8),
        "b.weight.absmax": torch.rand(3),
        "b.weight.quant_map": torch.rand(16),
        "b.weight.nested_absmax": torch.rand(2),
        "b.weight.nested_quant_map": torch.rand(16),
        "c.SCB": torch.rand(4),
    }
    save_file({**stays, "norm.weight": torch.rand(6)}, tmp_path / "model.safetensors", {"format": "pt"})
    store(tmp_path, "bfloat16")
    after = load_file(tmp_path / "model.safetensors")
    assert after.pop("norm.weight").dtype == torch.bfloat16
    assert all(torch.equal(after[name], stays[name]) and after[name].dtype == stays[name].dtype for name in after)
    assert after.keys() == stays.keys()


def test_a_weight_that_float16_cannot_hold_is_one_line(tmp_path):
    save_file({"head.weight": torch.tensor([1.0, 1e6])}, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match=r"sft\.yaml: save_dtype: a weight of head\.weight does not fit float16; set"):
        store(tmp_path, "float16")


def test_the_index_of_several_files_names_their_new_size(tmp_path):
    parts = {"model-00001-of-00002.safetensors": "a", "model-00002-of-00002.safetensors": "b"}
    for file, name in parts.items():
        save_file({name: torch.rand(1000)}, tmp_path / file)
    index = {"metadata": {"total_size": 8000}, "weight_map": {name: file for file, name in parts.items()}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    store(tmp_path, "bfloat16")
    now = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert now == {"metadata": {"total_size": 4000}, "weight_map": index["weight_map"]}


@pytest.mark.slow
@default_warnings
def test_a_trained_checkpoint_and_an_adapter_are_stored_in_16_bits_unless_set(tiny_checkpoint, tmp_path):
    whole = run_stage("sft", SFT, tiny_checkpoint, tmp_path / "whole")
    exact = run_stage("sft", {**SFT, "save_dtype": "float32"}, tiny_checkpoint, tmp_path / "exact")
    adapter = run_stage("sft", {**SFT, "merge": False}, tiny_checkpoint, tmp_path / "adapter")
    merged = run_stage("merge", {}, adapter, tmp_path / "merged", "--parent-base", str(tiny_checkpoint))
    stored = [read_manifest(folder).size.stored for folder in (whole, exact, adapter, merged)]
    assert stored == ["bfloat16", "float32", "bfloat16", "bfloat16"]
    assert [read_manifest(folder).size.bits_per_weight for folder in (whole, exact)] == [16.0, 32.0]
    assert read_manifest(whole).settings["dtype"] == "float32"
    rounded, again = weights(whole), weights(merged)
    assert all(torch.equal(rounded[name], again[name]) for name in again)
