"""Stages of the bitsandbytes extra: quantised checkpoints, and adapters that are trained on 4 bits."""

from __future__ import annotations

import pytest
from helpers.stage_settings import SFT, changed
from helpers.training_scripts import default_warnings, run_stage, weights

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import read_manifest

pytestmark = [pytest.mark.slow, default_warnings]


@pytest.mark.parametrize("kind", ["bnb", "sft"])
def test_without_bitsandbytes_four_bits_are_one_line(tiny_checkpoint, tmp_path, kind, monkeypatch):
    monkeypatch.setattr("mcqa_suite.common.extras.installed", lambda name: False)
    config = {"format": "nf4"} if kind == "bnb" else {**SFT, "qlora": True}
    with pytest.raises(ConfigError, match=r"bitsandbytes is not installed: pip install .*\[bnb\]'"):
        run_stage(kind, config, tiny_checkpoint, tmp_path / "bad")


@pytest.mark.parametrize(("bits", "error"), [("int8", 0.02), ("nf4", 0.15), ("fp4", 0.25)])
def test_bitsandbytes_makes_a_smaller_checkpoint_that_reloads(tiny_checkpoint, tmp_path, bits, error):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (extra: bnb)")
    import torch
    from transformers import AutoModelForCausalLM

    folder = run_stage("bnb", {"format": bits}, tiny_checkpoint, tmp_path / bits)
    tokens = torch.arange(40)[None]
    models = [AutoModelForCausalLM.from_pretrained(name, dtype=torch.float32) for name in (tiny_checkpoint, folder)]
    with torch.no_grad():
        first, second = (model(tokens).logits for model in models)
    assert 0 < (first - second).norm() / first.norm() < error
    assert read_manifest(folder).size.bits_per_weight < 16


def test_qlora_is_merged_into_the_unquantised_parent(tiny_checkpoint, tmp_path):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (extra: bnb)")
    folder = run_stage("sft", {**SFT, "qlora": True}, tiny_checkpoint, tmp_path / "qlora")
    assert changed(tiny_checkpoint, folder) == {name for name in weights(folder) if "proj" in name}
    assert not list(folder.glob("adapter_*"))
