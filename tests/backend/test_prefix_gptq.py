"""A GPTQ checkpoint scored as a tree."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from mcqa_suite.backend import loading
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.evaluate_checkpoint import load_model

CONFIG = "bits: 4\ngroup_size: 32\ncalibration: [{source: symbolic_local, n: 16, seed: 2}]\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # gptqmodel's own: deprecated names, folders left to the collector
def test_a_quantised_checkpoint_scores_as_by_the_stock_backend(tiny_checkpoint, tmp_path, monkeypatch):
    (tmp_path / "gptq.yaml").write_text(CONFIG, encoding="utf-8")
    script = [sys.executable, training_dir() / "gptq.py", "--config", tmp_path / "gptq.yaml"]
    script += ["--parent", tiny_checkpoint, "--output", tmp_path / "gptq4"]
    done = subprocess.run([str(word) for word in script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lm = load_model(str(tmp_path / "gptq4"), dtype="float32", batch_size=4)
    assert lm.record.reason is None
    monkeypatch.setattr(loading, "KEPT_BYTES", 0)
    unpacking = load_model(str(tmp_path / "gptq4"), dtype="float32", batch_size=4)
    stock = HFLM(unpacking.model, tokenizer=lm.tokenizer, batch_size=4, softmax_dtype="float32", logits_cache=False)
    requests = [
        Instance("loglikelihood", {}, (f"One and one is two. {i} and {i}? Answer:", option), k, ("task", i, 1))
        for i in range(8)
        for k, option in enumerate((" A", " B", " something else"))
    ]
    first, second = (each.loglikelihood(requests, disable_tqdm=True) for each in (lm, unpacking))
    assert first == second
    lm.scorer.budget = 64
    ours, theirs = (each.loglikelihood(requests, disable_tqdm=True) for each in (lm, stock))
    assert [value for value, _ in ours] == pytest.approx([value for value, _ in theirs], abs=1e-3)
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]
