"""Fine-tuning: batches, packing, and what the log and the manifest record."""

from __future__ import annotations

import json

import pytest
from helpers.stage_settings import SFT, changed, with_trainer
from helpers.training_scripts import default_warnings, run_stage, weights

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import content_hash, read_manifest

pytestmark = [pytest.mark.slow, default_warnings]


def test_accumulated_batches_train_what_a_full_batch_trains(tiny_checkpoint, tmp_path):
    import torch

    full = {**with_trainer(SFT, learning_rate=1e-3, max_steps=2), "lora": None, "full": True}
    once = with_trainer(full, per_device_train_batch_size=8)
    often = with_trainer(full, per_device_train_batch_size=2, gradient_accumulation_steps=4)
    first, second = (
        weights(run_stage("sft", c, tiny_checkpoint, tmp_path / n)) for n, c in (("once", once), ("often", often))
    )
    before = weights(tiny_checkpoint)
    for name in first:
        assert not torch.equal(first[name], before[name])
        assert torch.allclose(first[name], second[name], rtol=0, atol=2e-5), (first[name] - second[name]).abs().max()


def test_packing_and_neftune_reach_trl_and_the_log_has_every_step(tiny_checkpoint, tmp_path):
    config = with_trainer(SFT, packing=True, max_length=512, neftune_noise_alpha=5.0)
    folder = run_stage("sft", config, tiny_checkpoint, tmp_path / "sft")
    assert changed(tiny_checkpoint, folder)
    log = [json.loads(line) for line in (folder / "training_log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [1, 2]
    assert all(entry["loss"] > 0 and "learning_rate" in entry for entry in log)
    manifest = read_manifest(folder)
    assert manifest.settings["trainer"]["neftune_noise_alpha"] == 5.0
    assert manifest.content == content_hash(folder)


def test_the_loss_on_rows_that_were_held_out_is_measured(tiny_checkpoint, tmp_path):
    config = with_trainer({**SFT, "held_out": 0.25}, eval_strategy="steps", eval_steps=1)
    folder = run_stage("sft", config, tiny_checkpoint, tmp_path / "sft")
    manifest = read_manifest(folder)
    assert manifest.metrics["validation_rows"] == 4
    assert manifest.metrics["validation_loss"] > 0
    assert 0 <= manifest.metrics["validation_token_accuracy"] <= 1
    assert manifest.peak_memory_mb > 100
    log = [json.loads(line) for line in (folder / "training_log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "eval_loss" in entry] == [1, 2, 2]


def test_stages_with_other_rows_are_measured_on_the_same_file(tiny_checkpoint, tmp_path, capfd):
    row = json.dumps({"question": "Which planet is closest to the Sun?", "answer": "Mercury"})
    (tmp_path / "fixed.jsonl").write_text(row + "\n")
    other = json.dumps({"question": "Which planet is the largest?", "answer": "Jupiter"})
    (tmp_path / "own.jsonl").write_text("\n".join([row, *[other] * 4]) + "\n")
    data = {"data": [{"source": "rows", "path": str(tmp_path / "own.jsonl")}]}
    validation = {"validation": [{"source": "rows", "path": str(tmp_path / "fixed.jsonl")}]}
    manifest = read_manifest(run_stage("sft", {**SFT, **data, **validation}, tiny_checkpoint, tmp_path / "sft"))
    assert manifest.metrics["validation_rows"] == 1
    assert [(source.name, source.n) for source in manifest.validation] == [("rows", 1)]
    assert "1 of 5 rows have a question of the validation rows and are not trained on" in capfd.readouterr().out


@pytest.mark.parametrize("way", [{"lora": {"r": 4}}, {"lora": None, "full": True}], ids=["adapter", "all weights"])
def test_a_kept_step_is_what_a_training_of_so_many_steps_gives(tiny_checkpoint, tmp_path, way):
    import torch

    config = with_trainer({**SFT, **way}, max_steps=4, lr_scheduler_type="constant")
    folder = run_stage("sft", {**config, "keep_steps": [2, 3]}, tiny_checkpoint, tmp_path / "sft")
    assert sorted(path.name for path in (folder / "kept").iterdir()) == ["step-2", "step-3"]
    assert read_manifest(folder).content == content_hash(folder)  # which the kept steps are no part of
    middle = run_stage("sft", {**config, "kept_step": 2, "kept_from": "sft"}, tiny_checkpoint, tmp_path / "sft-step2")
    alone = run_stage("sft", with_trainer(config, max_steps=2), tiny_checkpoint, tmp_path / "alone")
    first, second = weights(middle), weights(alone)
    assert all(torch.allclose(first[name], second[name], rtol=0, atol=1e-6) for name in first)
    assert changed(middle, folder)
    manifest = read_manifest(middle)
    assert (manifest.kind, manifest.name, manifest.metrics["steps"]) == ("sft", "sft-step2", 2)
    assert manifest.parent == read_manifest(folder).parent


def test_a_step_beyond_the_training_is_one_line_before_it_begins(tiny_checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="keep_steps: 9: the training ends at step 2; name steps below 2"):
        run_stage("sft", {**SFT, "keep_steps": [1, 9]}, tiny_checkpoint, tmp_path / "sft")
    with pytest.raises(CheckpointError, match=r"step 1 was not kept; delete .*sft, so that it is trained again"):
        run_stage("sft", {**SFT, "kept_step": 1, "kept_from": "sft"}, tiny_checkpoint, tmp_path / "sft-step1")
