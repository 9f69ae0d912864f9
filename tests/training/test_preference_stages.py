"""Stages of pairs, DPO, ORPO and reward models: weights, held-out rewards and reference values."""

from __future__ import annotations

import json

import pytest
from helpers.stage_settings import PAIRS, changed, held_out, with_trainer
from helpers.training_scripts import default_warnings, run_stage, script, weights

from mcqa_suite.common.manifest import read_manifest

pytestmark = [pytest.mark.slow, default_warnings]
PROMPTS = ["How many legs has a cat?", "How many legs has a cat?", "What is red?", "What is blue?"]
ANSWERS = [(" four", " six"), (" 4", " eight hundred"), (" a rose", " the sky"), (" the sky", " a rose")]


def logp(checkpoint, prompt, answer):
    """The summed log-probability of an answer and the end of the text after its prompt, token by token."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    begun, whole = tokenizer(prompt).input_ids, tokenizer(prompt + answer + tokenizer.eos_token).input_ids
    with torch.no_grad():
        logps = model(torch.tensor([whole])).logits[0].log_softmax(-1)
    return sum(logps[i - 1, whole[i]].item() for i in range(len(begun), len(whole)))


@pytest.fixture
def repeated_prompt(tmp_path):
    """Pairs of which the first two have one prompt and answers of their own."""
    lines = [{"prompt": p, "chosen": c, "rejected": r} for p, (c, r) in zip(PROMPTS, ANSWERS, strict=True)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {**PAIRS, "data": [{"source": "evaluator", "path": "pairs.jsonl"}], "held_out": 0}


@pytest.mark.parametrize(
    "loss",
    [
        {"loss_type": ["sigmoid"]},
        {"loss_type": ["ipo"]},
        {"loss_type": ["hinge"]},
        {"loss_type": ["robust"], "label_smoothing": 0.1},
    ],
    ids=lambda loss: loss["loss_type"][0],
)
def test_every_dpo_loss_changes_the_weights_and_is_measured_on_held_out_questions(tiny_checkpoint, tmp_path, loss):
    folder = run_stage("dpo", with_trainer(PAIRS, **loss), tiny_checkpoint, tmp_path / "dpo")
    assert changed(tiny_checkpoint, folder) == {name for name in weights(folder) if "proj" in name}
    metrics = read_manifest(folder).metrics
    assert (metrics["held_out_pairs"], metrics["held_out_questions"]) == (5, 5)
    right = [row["chosen"] > row["rejected"] for row in held_out(folder)]
    assert metrics["reward_accuracy"] == sum(right) / 5
    assert metrics["reward_accuracy_low"] <= metrics["reward_accuracy"] <= metrics["reward_accuracy_high"]
    assert 0 <= metrics["shorter_accuracy"] + metrics["longer_accuracy"] <= 1
    assert loss["loss_type"][0] in metrics["loss_of"]
    assert "not comparable between different settings" in metrics["loss_of"]


def test_pairs_with_the_same_prompt_have_their_own_reference_values(
    tiny_checkpoint, tmp_path, repeated_prompt, monkeypatch
):
    dpo, trainers = script("dpo"), []

    class Recorded(dpo.TokensDPOTrainer):
        def train(self, *arguments, **settings):
            trainers.append(self)
            return super().train(*arguments, **settings)

    monkeypatch.setattr(dpo, "TokensDPOTrainer", Recorded)
    run_stage("dpo", with_trainer(repeated_prompt, precompute_ref_log_probs=True), tiny_checkpoint, tmp_path / "dpo")
    for row, prompt, (chosen, rejected) in zip(trainers[0].train_dataset, PROMPTS, ANSWERS, strict=True):
        assert row["ref_chosen_logps"] == pytest.approx(logp(tiny_checkpoint, prompt, chosen), abs=1e-3)
        assert row["ref_rejected_logps"] == pytest.approx(logp(tiny_checkpoint, prompt, rejected), abs=1e-3)


def test_rewards_are_gains_in_log_probability_over_the_reference(tiny_checkpoint, tmp_path, repeated_prompt):
    config = with_trainer({**repeated_prompt, "held_out": 0.5}, beta=0.5)
    folder = run_stage("dpo", config, tiny_checkpoint, tmp_path / "dpo")
    pairs = {c: (p, r) for p, (c, r) in zip(PROMPTS, ANSWERS, strict=True)}
    metrics, rows = read_manifest(folder).metrics, held_out(folder)
    assert len(rows) == metrics["held_out_pairs"] > 0
    by_reference = {round(row["reference_chosen"], 2): row for row in rows}
    for chosen, (prompt, rejected) in pairs.items():
        before, before_bad = (logp(tiny_checkpoint, prompt, answer) for answer in (chosen, rejected))
        if row := by_reference.get(round(before, 2)):
            after, after_bad = (logp(folder, prompt, answer) for answer in (chosen, rejected))
            assert row["reference_rejected"] == pytest.approx(before_bad, abs=1e-3)
            assert row["chosen"] == pytest.approx(0.5 * (after - before), abs=1e-3)
            assert row["rejected"] == pytest.approx(0.5 * (after_bad - before_bad), abs=1e-3)
            by_reference.pop(round(before, 2))
    assert not by_reference
    assert metrics["reward_margin_over_beta"] == pytest.approx(2 * metrics["reward_margin"])


def test_an_unchanged_model_has_only_ties(tiny_checkpoint, tmp_path):
    folder = run_stage("dpo", with_trainer(PAIRS, learning_rate=1e-30), tiny_checkpoint, tmp_path / "dpo")
    metrics = read_manifest(folder).metrics
    assert (metrics["reward_accuracy"], metrics["reward_ties"], metrics["reward_margin"]) == (0, 5, 0)


def test_the_reference_of_full_dpo_is_the_parent(tiny_checkpoint, tmp_path):
    config = {**with_trainer(PAIRS, learning_rate=1e-3), "lora": None, "full": True}
    folder = run_stage("dpo", config, tiny_checkpoint, tmp_path / "dpo")
    assert changed(tiny_checkpoint, folder) == weights(folder).keys()
    assert read_manifest(folder).metrics["reward_ties"] == 0


def test_orpo_changes_the_weights_and_compares_mean_log_probabilities(tiny_checkpoint, tmp_path):
    folder = run_stage("orpo", PAIRS, tiny_checkpoint, tmp_path / "orpo")
    assert changed(tiny_checkpoint, folder) == {name for name in weights(folder) if "proj" in name}
    assert read_manifest(folder).metrics["held_out_pairs"] == 5
    assert all(-20 < row["chosen"] < 0 for row in held_out(folder))


def test_a_reward_model_reloads_as_a_classifier_with_the_same_scores(tiny_checkpoint, tmp_path, repeated_prompt):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = run_stage("reward", {**repeated_prompt, "held_out": 0.5}, tiny_checkpoint, tmp_path / "reward")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    assert model.config.num_labels == 1
    scores = []
    for prompt, answers in zip(PROMPTS, ANSWERS, strict=True):
        tokens = [tokenizer(prompt + answer + tokenizer.eos_token, return_tensors="pt").input_ids for answer in answers]
        with torch.no_grad():
            scores.append([model(each).logits.item() for each in tokens])
    rows = held_out(folder)
    assert rows
    for row in rows:
        near = [pair for pair in scores if pair == pytest.approx([row["chosen"], row["rejected"]], abs=1e-4)]
        assert len(near) == 1
