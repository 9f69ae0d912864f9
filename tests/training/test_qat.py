"""Quantisation-aware training: a model computes with the weights that GPTQ would give it, and keeps its own."""

from __future__ import annotations

import json

import pytest
from helpers.stage_settings import AS_COMPUTED
from helpers.training_scripts import default_warnings, run_stage, weights

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import read_manifest

pytestmark = [pytest.mark.slow, default_warnings]
ROW = {"prompt": "Which planet is closest to the Sun?", "completion": " It is Mercury, and not Venus."}
OTHER = {"prompt": "Which planet is the largest?", "completion": " It is Jupiter."}
QAT = {"bits": 2, "group_size": 32}


@pytest.fixture
def full(tmp_path):
    """Settings that train all weights on one row, and measure the loss of another one."""
    for name, row in (("rows", ROW), ("other", OTHER)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    data, validation = ([{"source": "rows", "path": str(tmp_path / f"{name}.jsonl")}] for name in ("rows", "other"))
    trainer = {"max_steps": 20, "per_device_train_batch_size": 1, "learning_rate": 3e-3}
    return {**AS_COMPUTED, "data": data, "validation": validation, "full": True, "trainer": trainer}


def loss(folder, rounded):
    """The loss of the other completion, where all linear layers but the last may have weights of 2 bits."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    for layer in model.model.modules():
        if rounded and isinstance(layer, torch.nn.Linear):
            layer.weight.data = nearest(layer.weight.data, QAT["group_size"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(OTHER["prompt"] + OTHER["completion"] + tokenizer.eos_token, return_tensors="pt").input_ids
    labels = tokens.clone()
    labels[:, : len(tokenizer(OTHER["prompt"]).input_ids)] = -100  # which is not trained on
    with torch.inference_mode():
        return float(model(tokens, labels=labels).loss)


def nearest(weight, size):
    """The nearest of -2, -1, 0 and 1 times a scale for each group, as GPTQ's symmetric grid of 2 bits has them."""
    groups = weight.reshape(-1, size)
    scale = groups.abs().amax(1, keepdim=True) / 1.5
    return (groups / scale).round().clamp(-2, 1).mul(scale).reshape(weight.shape)


def test_the_loss_is_that_of_rounded_weights(tiny_checkpoint, tmp_path, full):
    plain = run_stage("sft", full, tiny_checkpoint, tmp_path / "plain")
    aware = run_stage("sft", {**full, "qat": QAT}, tiny_checkpoint, tmp_path / "aware")
    measured = read_manifest(aware).metrics["validation_loss"]
    assert loss(aware, rounded=True) == pytest.approx(measured, abs=1e-3)
    assert loss(aware, rounded=False) != pytest.approx(measured, abs=1e-2)
    assert loss(plain, rounded=False) == pytest.approx(read_manifest(plain).metrics["validation_loss"], abs=1e-4)
    assert weights(plain).keys() == weights(aware).keys()
    assert read_manifest(aware).settings["qat"] == QAT


def test_it_needs_all_weights_and_a_group_that_divides_them(tiny_checkpoint, tmp_path, full):
    with pytest.raises(ConfigError, match="qat rounds the weights that are trained; set full: true, or remove qat"):
        run_stage("sft", {**full, "full": False, "qat": QAT}, tiny_checkpoint, tmp_path / "lora")
    words = r"qat: group_size 48 does not divide the width 64 of model\.layers\.0\S+; choose a divisor, such as 32"
    with pytest.raises(ConfigError, match=words):
        run_stage("sft", {**full, "qat": {"bits": 4, "group_size": 48}}, tiny_checkpoint, tmp_path / "uneven")
