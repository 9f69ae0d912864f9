"""bitsandbytes checkpoints scored on a CPU, in the dtype that was asked for."""

from __future__ import annotations

import pytest
import torch
from helpers.prefix_models import options
from helpers.training_scripts import default_warnings, run_stage
from lm_eval.models.huggingface import HFLM

from mcqa_suite.backend import loading
from mcqa_suite.evaluation.evaluate_checkpoint import load_model

pytestmark = [pytest.mark.slow, default_warnings]


@pytest.mark.parametrize("bits", ["nf4", "int8"])
def test_a_checkpoint_scores_as_by_the_stock_backend(tiny_checkpoint, tmp_path, bits, monkeypatch):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (extra: bnb)")
    folder = str(run_stage("bnb", {"format": bits}, tiny_checkpoint, tmp_path / bits))
    lm = load_model(folder, dtype="float32", batch_size=4)
    floats = {parameter.dtype for parameter in lm.model.parameters() if parameter.is_floating_point()}
    assert floats == {lm.model.dtype} == {torch.float32}
    monkeypatch.setattr(loading, "KEPT_BYTES", 0)
    unpacking = load_model(folder, dtype="float32", batch_size=4)
    stock = HFLM(unpacking.model, tokenizer=lm.tokenizer, batch_size=4, softmax_dtype="float32", logits_cache=False)
    ours, same, theirs = (each.loglikelihood(options(8), disable_tqdm=True) for each in (lm, unpacking, stock))
    assert ours == same
    assert [value for value, _ in ours] == pytest.approx([value for value, _ in theirs], abs=1e-3)
