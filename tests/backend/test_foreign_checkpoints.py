"""A checkpoint's own code never runs, and one whose weights do not fit its config is refused by the name of a tensor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.checkpoints import as_stage
from helpers.foreign_checkpoints import edit, with_code, with_tensors

from mcqa_suite.backend import pretrained
from mcqa_suite.backend.costs import read_shape
from mcqa_suite.backend.loading import is_reward_model, load
from mcqa_suite.backend.sampling import Sampler
from mcqa_suite.common.checkpoints import check_complete, check_files
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.evaluation.evaluate_checkpoint import load_model

WAYS = {
    "evaluation": lambda folder: load_model(folder, dtype="float32", batch_size=2),
    "sampling": Sampler,
    "scores": lambda folder: load(folder, "AutoModelForCausalLM"),
    "reward": lambda folder: load(folder, "AutoModelForSequenceClassification"),
    "estimate": read_shape,
    "kind": is_reward_model,
    "training": lambda folder: (
        pretrained.read_tokenizer(folder),
        pretrained.read_model("AutoModelForCausalLM", folder),
    ),
}


@pytest.fixture(scope="module")
def reward(tiny_checkpoint, tmp_path_factory):
    """A random reward model of the tiny checkpoint's shape."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

    folder = tmp_path_factory.mktemp("reward") / "checkpoint"
    config = LlamaConfig.from_pretrained(tiny_checkpoint, num_labels=1, pad_token_id=0)
    LlamaForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(folder)
    return folder


def answer_yes(_: str = "") -> str:
    raise AssertionError("a question on stdin, which a piped 'y' would answer")


@pytest.fixture(autouse=True)
def _no_questions(monkeypatch, tmp_path):
    monkeypatch.setattr("builtins.input", answer_yes)
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))


@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint_with_code_is_read_as_the_class_that_transformers_has(tiny_checkpoint, reward, tmp_path, way):
    folder, marker = with_code(reward if way == "reward" else tiny_checkpoint, tmp_path / "own")
    WAYS[way](str(folder))
    assert not marker.exists()


@pytest.mark.parametrize("way", [way for way in WAYS if way != "kind"])
def test_a_checkpoint_that_needs_its_code_is_refused_in_one_line(tiny_checkpoint, tmp_path, way):
    folder, marker = with_code(tiny_checkpoint, tmp_path / "own", native=False)
    with pytest.raises(
        CheckpointError, match=r"needs code of its own \(auto_map in its config\), which is not run"
    ) as refused:
        WAYS[way](str(folder))
    assert "\n" not in str(refused.value)
    assert not marker.exists()


def test_a_library_that_imports_code_anyway_is_given_a_folder_without_it(tiny_checkpoint, tmp_path):
    folder, _ = with_code(tiny_checkpoint, tmp_path / "own")
    with pretrained.without_code(folder) as plain:
        names = {path.name for path in folder.iterdir()} - {"own_code.py"}
        assert {path.name for path in plain.iterdir()} == names
        assert not [path for path in plain.glob("*.json") if "auto_map" in path.read_text(encoding="utf-8")]
        assert json.loads((plain / "config.json").read_text())["model_type"] == "llama"
        assert (plain / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def misnamed(tensors):
    return {name.replace("layers.1.", "layers.9."): tensor for name, tensor in tensors.items()}


def without_a_norm(tensors):
    return {name: tensor for name, tensor in tensors.items() if name != "model.norm.weight"}


def with_another(tensors):
    return tensors | {"model.layers.5.mlp.up_proj.weight": tensors["model.layers.1.mlp.up_proj.weight"].clone()}


def of_another_shape(tensors):
    return tensors | {"model.norm.weight": tensors["model.norm.weight"][:32].clone()}


DAMAGES = {
    misnamed: r"tensors of the model are missing: model\.layers\.1\.input_layernorm\.weight and 8 others",
    without_a_norm: r"tensors of the model are missing: model\.norm\.weight; copy",
    with_another: r"tensors have no place in the model: model\.layers\.5\.mlp\.up_proj\.weight; copy",
    of_another_shape: r"tensors have another shape: model\.norm\.weight \(32 instead of 64\)",
}


@pytest.mark.parametrize("way", ["evaluation", "sampling", "training"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_that_do_not_fit_are_refused_by_name(tiny_checkpoint, tmp_path, damage, way):
    folder = with_tensors(tiny_checkpoint, tmp_path / "half", damage)
    with pytest.raises(CheckpointError, match=DAMAGES[damage]) as refused:
        WAYS[way](str(folder))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_quantisation_checks_the_weights_without_reading_them(tiny_checkpoint, tmp_path, damage):
    pretrained.check_weights(tiny_checkpoint)
    with pytest.raises(CheckpointError, match=DAMAGES[damage]):
        pretrained.check_weights(with_tensors(tiny_checkpoint, tmp_path / "half", damage))


def test_fewer_layers_in_the_config_than_in_the_file_are_refused(tiny_checkpoint, tmp_path):
    folder = tmp_path / "fewer"
    shutil.copytree(tiny_checkpoint, folder)
    edit(folder / "config.json", {"num_hidden_layers": 1})
    with pytest.raises(CheckpointError, match=r"no place in the model: model\.layers\.1\."):
        WAYS["evaluation"](str(folder))


def test_the_harness_s_own_model_refuses_them_too(tiny_checkpoint, tmp_path):
    from lm_eval.models.huggingface import HFLM

    folder = with_tensors(tiny_checkpoint, tmp_path / "half", misnamed)
    with pretrained.whole_models(), pytest.raises(CheckpointError, match="missing"):
        HFLM(str(folder), device="cpu")
    with pretrained.whole_models():
        assert HFLM(str(tiny_checkpoint), device="cpu").model.config.num_hidden_layers == 2


def test_buffers_that_older_versions_stored_are_harmless(tiny_checkpoint, tmp_path):
    import torch

    folder = with_tensors(
        tiny_checkpoint,
        tmp_path / "old",
        lambda tensors: tensors | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16)},
    )
    WAYS["scores"](str(folder))


def test_a_bias_of_a_quantised_layer_that_is_zero_is_harmless_and_no_other(tmp_path):
    """AutoGPTQ wrote `q_proj.bias` for models that have no biases."""
    import torch
    from safetensors.torch import save_file

    layers = {"q": (torch.zeros(4), True), "k": (torch.ones(4), True), "v": (torch.zeros(4), False)}
    tensors = {f"{name}.bias": bias for name, (bias, _) in layers.items()}
    tensors |= {f"{name}.qweight": torch.ones(1) for name, (_, quantised) in layers.items() if quantised}
    save_file(tensors, tmp_path / "model.safetensors")
    assert pretrained.zero_biases(str(tmp_path), {"q.bias", "k.bias", "v.bias", "q.other", "not.bias"}) == {"q.bias"}


def test_a_score_layer_is_new_where_a_reward_model_is_trained_and_nowhere_else(tiny_checkpoint):
    model = pretrained.read_model(
        "AutoModelForSequenceClassification", tiny_checkpoint, another_head=True, num_labels=1, dtype="float32"
    )
    assert model.score.weight.shape == (1, 64)
    with pytest.raises(CheckpointError, match=r"missing: score\.weight"):
        WAYS["reward"](str(tiny_checkpoint))


@pytest.fixture(scope="module")
def adapter(tiny_checkpoint, tmp_path_factory):
    """A random adapter of two kinds of layers, with its tokenizer."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("adapter") / "adapter"
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_checkpoint), config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_checkpoint).save_pretrained(folder)
    return folder


def on(base, adapter):
    return load_model(str(adapter), dtype="float32", batch_size=2, base=str(base))


def test_an_adapter_that_fits_is_read(tiny_checkpoint, adapter):
    assert "lora_A" in str(on(tiny_checkpoint, adapter).model)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True},
        {"target_modules": ["embed_tokens", "q_proj"]},
        {"trainable_token_indices": [3, 5]},
        {"modules_to_save": ["lm_head"]},
    ],
)
@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers` to:UserWarning")
def test_each_form_of_lora_fits_its_base(tiny_checkpoint, tmp_path, settings):
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    def base():
        return AutoModelForCausalLM.from_pretrained(tiny_checkpoint)

    config = LoraConfig(**{"r": 2, "target_modules": ["q_proj"]} | settings)
    get_peft_model(base(), config).save_pretrained(tmp_path)
    pretrained.check_adapter(PeftModel.from_pretrained(base(), tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda tensors: {f"other.{name}": each for name, each in tensors.items()},
            "no place in the model: other.base_model",
        ),
        (lambda tensors: dict(list(tensors.items())[1:]), "tensors of the adapter are missing: base_model"),
    ],
    ids=["misnamed", "one missing"],
)
def test_an_adapter_of_which_a_tensor_has_no_place_is_refused(tiny_checkpoint, adapter, tmp_path, change, words):
    folder = with_tensors(adapter, tmp_path / "of_nothing", change)
    with pytest.raises(CheckpointError, match=words):
        on(tiny_checkpoint, folder)


@pytest.mark.parametrize("changes", [{"peft_type": "SHADOW"}, {"megatron_config": {"tensor_parallel": 1}}])
def test_an_adapter_that_would_load_something_else_is_refused(tiny_checkpoint, adapter, tmp_path, changes):
    folder = tmp_path / "other"
    shutil.copytree(adapter, folder)
    edit(folder / "adapter_config.json", changes)
    with pytest.raises(CheckpointError, match="only plain LoRA adapters are read"):
        on(tiny_checkpoint, folder)


def as_link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("../../blobs/0123")


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize(("damage", "what"), [(as_link_to_nothing, "a link to nothing"), (as_folder, "a folder")])
def test_a_file_that_is_none_is_named(tiny_checkpoint, tmp_path, damage, what, name):
    folder = tmp_path / "broken"
    shutil.copytree(tiny_checkpoint, folder)
    damage(folder / name)
    for read in (WAYS["evaluation"], WAYS["sampling"], WAYS["training"]):
        with pytest.raises(CheckpointError, match=f"{name}: {what}; copy the checkpoint again") as refused:
            read(str(folder))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer_config.json"])
def test_a_setting_of_a_token_that_draws_on_the_terminal_is_refused(tiny_checkpoint, tmp_path, file):
    folder = tmp_path / "drawn"
    shutil.copytree(tiny_checkpoint, folder)
    token = {"content": "<eos>", "special": True, "\x1b[2J": 1}
    edit(
        folder / file, {"added_tokens": [token]} if file == "tokenizer.json" else {"added_tokens_decoder": {"0": token}}
    )
    for way in ("evaluation", "training"):
        with pytest.raises(CheckpointError, match=r"added token has the setting '.x1b\[2J'"):
            WAYS[way](str(folder))


@pytest.mark.parametrize("shard", ["../elsewhere.safetensors", "{outside}", "model-00002-of-00002.safetensors", 7])
def test_a_shard_that_is_not_in_the_folder_is_refused(tiny_checkpoint, tmp_path, shard):
    folder = tmp_path / "sharded"
    shutil.copytree(tiny_checkpoint, folder)
    outside = tmp_path / "elsewhere.safetensors"
    shutil.copy(folder / "model.safetensors", outside)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shard = str(outside) if shard == "{outside}" else shard
    index = {"weight_map": {"model.norm.weight": shard, "lm_head.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for read in (check_files, check_complete, lambda path: WAYS["evaluation"](str(path))):
        with pytest.raises(CheckpointError, match=r"model\.safetensors\.index\.json: .* is no file in "):
            read(folder)


def test_a_manifest_of_other_files_is_said(tiny_checkpoint, tmp_path, capsys):
    folder = as_stage(tiny_checkpoint, tmp_path / "sft")
    assert Sampler(str(folder)).identity.startswith("sft ")
    assert "manifest" not in capsys.readouterr().err
    edit(folder / "config.json", {"rms_norm_eps": 0.1})
    for read in (
        lambda: Sampler(str(folder)).identity,
        lambda: load_model(str(folder), dtype="float32", batch_size=2).contents,
    ):
        assert read()
        assert f"{folder}: its files are not those that its manifest describes" in capsys.readouterr().err
