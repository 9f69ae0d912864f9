"""One real step each of SFT and DPO with TRL, then 4 bits with GPTQModel, and the harness's scores of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.locations import TRAIN
from helpers.log_files import by_name
from helpers.training_scripts import run_stage, weights

from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.evaluation.evaluate_checkpoint import evaluate
from mcqa_suite.logs.runs import read_run

ROWS = {"data": [{"source": "epfl", "path": str(TRAIN), "n": 8}]}
STEP = {"lora": {"r": 4}, "trainer": {"max_steps": 1, "per_device_train_batch_size": 2, "learning_rate": 1e-2}}
BITS = {"bits": 4, "group_size": 32, "calibration": ROWS["data"]}


def merged(parent: Path, adapter: Path) -> dict[str, Any]:
    """The weights that PEFT makes of a parent and an adapter, in the type that they are stored in."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(parent, dtype=torch.float32)
    state = PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()
    return {name: tensor.to(torch.bfloat16) for name, tensor in state.items()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the libraries' own
def test_sft_dpo_and_gptq_make_a_checkpoint_that_the_harness_evaluates(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch._dynamo

    monkeypatch.setattr(torch._dynamo.config, "disable", True)  # to compile GPTQModel's kernel takes most of the time
    sft = run_stage("sft", {**ROWS, **STEP}, tiny_checkpoint, tmp_path / "sft")
    dpo = run_stage("dpo", {**ROWS, **STEP}, sft, tmp_path / "dpo")
    gptq = run_stage("gptq", BITS, dpo, tmp_path / "gptq4")

    for parent, child in ((sft, dpo), (dpo, gptq)):
        assert read_manifest(child).parent.content == read_manifest(parent).content
    for folder, how in ((sft, "A fine-tune by SFT"), (dpo, "A fine-tune by DPO"), (gptq, "(GPTQ, 4 bits)")):
        card = (folder / "README.md").read_text()
        assert how in card.partition("\n# ")[2].partition("## Lineage")[0]
        assert "Not evaluated yet" in card
    assert "1. `sft`: SFT, 8 rows" in card  # what the GPTQ stage can see above it
    assert "2. `dpo`: DPO, 8 rows, from `sft`" in card
    again = merged(tiny_checkpoint, sft / "adapter")
    assert all((again[name] == tensor).all() for name, tensor in weights(sft).items())
    before, after = weights(sft), weights(dpo)
    assert any((before[name] != after[name]).any() for name in before)
    assert [read_manifest(folder).size.stored for folder in (sft, dpo)] == ["bfloat16"] * 2
    assert {str(tensor.dtype) for tensor in weights(gptq).values()} == {
        "torch.bfloat16",
        "torch.float16",
        "torch.int32",
    }
    assert read_manifest(gptq).size.bits_per_weight < read_manifest(dpo).size.bits_per_weight == 16.0

    evaluate(str(gptq), [{"tasks": ["mcqa_epfl"], "limit": 4}], tmp_path / "run", dtype="float32", batch_size=4)
    assert by_name(read_run(tmp_path / "run"))["mcqa_epfl"].n == 4
