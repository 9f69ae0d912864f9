"""What each stage makes: weights, adapters, manifests, logs, and the mistakes that it refuses."""

from __future__ import annotations

import json
import math
import shutil

import pytest
from helpers.locations import TRAIN
from helpers.training_scripts import default_warnings, run_stage, script, weights

from mcqa_suite.common.chat_template import DEFAULT, WITHOUT, ChatTemplate
from mcqa_suite.common.checkpoints import check_parent
from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.manifest import Manifest, content_hash, hardware, read_manifest, write_manifest

WITH = ChatTemplate.everywhere(True)
pytestmark = [pytest.mark.slow, default_warnings]

TRAINER = {"max_steps": 2, "per_device_train_batch_size": 4, "learning_rate": 1e-2, "logging_steps": 1}
ROWS = {"data": [{"source": "epfl", "path": str(TRAIN), "n": 16, "seed": 1, "style": "letter_text"}]}
AS_COMPUTED = {"save_dtype": "float32"}  # so that weights can be compared to the bit
SFT = {**ROWS, **AS_COMPUTED, "lora": {"r": 4}, "trainer": TRAINER}
RIGHT_AND_WRONG = {"data": [{"source": "epfl", "path": str(TRAIN), "n": 20, "seed": 3}]}
PAIRS = {**AS_COMPUTED, **RIGHT_AND_WRONG, "lora": {"r": 4}, "trainer": TRAINER}
PAIRS["held_out"] = 0.25


def with_trainer(config, **trainer):
    return {**config, "trainer": {**config["trainer"], **trainer}}


def changed(before, after):
    import torch

    first, second = weights(before), weights(after)
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


def held_out(folder):
    return [json.loads(line) for line in (folder / "held_out_rewards.jsonl").read_text().splitlines()]


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


@pytest.fixture(scope="module")
def adapter(tiny_checkpoint, tmp_path_factory):
    return run_stage("sft", {**SFT, "merge": False}, tiny_checkpoint, tmp_path_factory.mktemp("adapter") / "adapter")


@pytest.fixture(scope="module")
def merged(tiny_checkpoint, tmp_path_factory):
    return run_stage("sft", SFT, tiny_checkpoint, tmp_path_factory.mktemp("merged") / "sft")


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


PROMPTS = ["How many legs has a cat?", "How many legs has a cat?", "What is red?", "What is blue?"]
ANSWERS = [(" four", " six"), (" 4", " eight hundred"), (" a rose", " the sky"), (" the sky", " a rose")]


@pytest.fixture
def repeated_prompt(tmp_path):
    """Pairs of which the first two have one prompt and answers of their own."""
    lines = [{"prompt": p, "chosen": c, "rejected": r} for p, (c, r) in zip(PROMPTS, ANSWERS, strict=True)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {**PAIRS, "data": [{"source": "evaluator", "path": "pairs.jsonl"}], "held_out": 0}


def test_pairs_with_the_same_prompt_have_their_own_reference_values(
    tiny_checkpoint, tmp_path, repeated_prompt, monkeypatch
):
    dpo, trainers = script("dpo"), []

    class Recorded(dpo.TokensDPOTrainer):
        def train(self):
            trainers.append(self)
            return super().train()

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
    folder = run_stage("dpo", with_trainer(PAIRS, learning_rate=0.0), tiny_checkpoint, tmp_path / "dpo")
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


def test_an_adapter_holds_no_path_and_names_its_parent(tiny_checkpoint, adapter):
    manifest = read_manifest(adapter)
    assert manifest.adapter
    assert manifest.parent.content == content_hash(tiny_checkpoint)
    assert not (adapter / "model.safetensors").exists()
    assert all(str(tiny_checkpoint.parent) not in path.read_text() for path in adapter.glob("*.json"))
    check_parent(adapter, tiny_checkpoint)


def test_an_adapter_is_refused_on_any_checkpoint_but_its_parent(adapter, merged, tmp_path):
    with pytest.raises(
        CheckpointError, match=r"was trained on 'checkpoint', but .*sft is another checkpoint; give the"
    ):
        run_stage("merge", {}, adapter, tmp_path / "whole", "--parent-base", str(merged))
    assert not (tmp_path / "whole").exists()
    with pytest.raises(CheckpointError, match="was trained on 'checkpoint'"):
        run_stage("dpo", PAIRS, adapter, tmp_path / "dpo", "--parent-base", str(merged))
    with pytest.raises(CheckpointError, match="is an adapter; give the folder that it was trained on"):
        run_stage("dpo", PAIRS, adapter, tmp_path / "dpo")
    with pytest.raises(CheckpointError, match="not an adapter; give the folder"):
        run_stage("merge", {}, merged, tmp_path / "whole")


def test_merging_an_adapter_later_gives_the_same_weights(tiny_checkpoint, adapter, merged, tmp_path):
    import torch

    later = run_stage("merge", AS_COMPUTED, adapter, tmp_path / "later", "--parent-base", str(tiny_checkpoint))
    first, second = weights(later), weights(merged)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    manifest = read_manifest(later)
    assert (manifest.kind, manifest.adapter, manifest.chat_template) == ("merge", False, WITHOUT)


def test_dpo_of_an_adapter_starts_from_the_merged_weights(tiny_checkpoint, adapter, merged, tmp_path):
    import torch

    still = with_trainer(PAIRS, learning_rate=0.0)
    folder = run_stage("dpo", still, adapter, tmp_path / "dpo", "--parent-base", str(tiny_checkpoint))
    first, second = weights(folder), weights(merged)
    assert all(torch.equal(first[name], second[name]) for name in first)
    with pytest.raises(ConfigError, match="the parent is an adapter; merge it first"):
        run_stage("dpo", {**PAIRS, "merge": False}, adapter, tmp_path / "no", "--parent-base", str(tiny_checkpoint))


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


TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% if m['role'] == 'assistant' %}{{ eos_token }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def chatty(tiny_checkpoint, tmp_path_factory):
    """The tiny checkpoint with a chat template."""
    folder = tmp_path_factory.mktemp("chat") / "chatty"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


MIXED = {
    "data": [{"source": "epfl", "path": str(TRAIN), "n": 8, "style": style} for style in ("letter", "cloze", "cot")]
}


@pytest.mark.parametrize(
    ("setting", "rows"),
    [(None, DEFAULT), (True, WITH), (False, WITHOUT), ({"letter": True}, ChatTemplate(True, False, True))],
)
def test_rows_of_every_format_train_together_each_written_in_its_way(chatty, tmp_path, setting, rows):
    folder = run_stage(
        "sft", {**with_trainer(SFT | MIXED, max_steps=1), "chat_template": setting}, chatty, tmp_path / "a"
    )
    manifest = read_manifest(folder)
    assert (manifest.chat_template, manifest.rows_chat_template) == (DEFAULT, rows)
    assert (folder / "chat_template.jinja").read_text() == TEMPLATE
    assert changed(chatty, folder)


@pytest.mark.parametrize("kind", ["dpo", "orpo", "reward"])
def test_pairs_of_several_formats_train_together(chatty, tmp_path, kind):
    data = {
        "data": [{"source": "epfl", "path": str(TRAIN), "n": 12, "style": style} for style in ("letter_text", "cloze")]
    }
    folder = run_stage(kind, with_trainer(PAIRS | data, max_steps=1), chatty, tmp_path / kind)
    manifest = read_manifest(folder)
    assert manifest.rows_chat_template == ChatTemplate(cloze=False, written=True)
    assert manifest.metrics["held_out_pairs"] > 0
    assert all(math.isfinite(pair["chosen"]) and pair["chosen"] != pair["rejected"] for pair in held_out(folder))


def test_stages_by_hand_are_asked_as_their_parent_is(chatty, tmp_path):
    """By --chat-template, else by the parent's manifest, else by the default."""
    one_step = with_trainer(SFT, max_steps=1)
    plain = shutil.copytree(chatty, tmp_path / "plain")
    facts = Manifest("base", "chatty", None, {}, content_hash(plain), 0, hardware(), 1.0, chat_template=WITHOUT)
    write_manifest(plain, facts)
    calibration = [{"source": "epfl", "path": str(TRAIN), "n": 2, "style": style} for style in ("letter", "cot")]
    eight = {"bits": 8, "group_size": 32, "calibration": calibration}

    def recorded(kind, config, parent, *words):
        name = f"{kind}-{len(list(tmp_path.iterdir()))}"
        manifest = read_manifest(run_stage(kind, config, parent, tmp_path / name, *words))
        return manifest.chat_template, manifest.rows_chat_template

    written = ChatTemplate(written=True)
    assert recorded("sft", one_step, plain) == (WITHOUT, ChatTemplate(written=False))
    assert recorded("sft", {**one_step, "chat_template": True}, plain) == (WITHOUT, written)
    assert recorded("sft", one_step, chatty, "--chat-template", '{"letter": true}') == (
        ChatTemplate(True, False, True),
        written,
    )
    assert recorded("gptq", eight, plain) == (WITHOUT, ChatTemplate(letter=False, written=False))
    assert recorded("gptq", eight, chatty) == (DEFAULT, ChatTemplate(letter=False, written=True))
    adapter = run_stage("sft", {**one_step, "merge": False}, chatty, tmp_path / "adapter")
    assert recorded("merge", {}, adapter, "--parent-base", str(chatty))[0] == DEFAULT


def test_a_missing_chat_template_cannot_be_requested(tiny_checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="chat_template: the tokenizer of the parent has no chat template"):
        run_stage("sft", {**SFT, "chat_template": True}, tiny_checkpoint, tmp_path / "sft")


def test_an_incomplete_checkpoint_is_refused(tiny_checkpoint, merged, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(tiny_checkpoint, half)
    whole = (half / "model.safetensors").read_bytes()
    (half / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: broken or incomplete"):
        run_stage("sft", SFT, half, tmp_path / "sft")
    other = tmp_path / "other"
    shutil.copytree(merged, other)
    shutil.copy(tiny_checkpoint / "model.safetensors", other)
    with pytest.raises(CheckpointError, match="its files changed after its manifest was written"):
        run_stage("sft", SFT, other, tmp_path / "sft")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        run_stage("sft", SFT, tmp_path, tmp_path / "sft")


@pytest.mark.parametrize(
    ("kind", "config", "error", "words"),
    [
        ("sft", with_trainer(SFT, max_length=64), DatasetError, "tokens fill max_length 64; take the row out"),
        ("sft", with_trainer(SFT, report_to="trackio"), ConfigError, "report_to: trackio is not installed"),
        ("dpo", {**PAIRS, "held_out": 0.01}, DatasetError, "held_out: 0.01 of 20 questions leaves one side empty"),
        ("dpo", with_trainer(PAIRS, learning_rate=1e30), ConfigError, "loss is nan at step"),
    ],
)
def test_bad_input_is_one_line(tiny_checkpoint, tmp_path, kind, config, error, words):
    with pytest.raises(error, match=words) as caught:
        run_stage(kind, config, tiny_checkpoint, tmp_path / "bad")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bad").exists()


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
