"""The training scripts as a person runs them: a process, a config, a parent, an output."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mcqa_suite.errors import ConfigError, DatasetError
from mcqa_suite.manifest import content_hash, read_manifest
from mcqa_suite.paths import training_dir
from mcqa_suite.process import ENVIRONMENT

SFT = """
data:
  - {source: generated, n: 16, seed: 1, style: letter_text}
lora: {r: 4}
trainer: {max_steps: 3, per_device_train_batch_size: 4, learning_rate: 1e-2, logging_steps: 1}
"""
GPTQ = "group_size: 32\ncalibration: [{source: generated, n: 16, seed: 2}]\n"
BITS = (8, 4, 3, 2)


def launch(kind: str, config: str, parent: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """A training script in a process of its own, its config beside the output."""
    file = output.with_suffix(".yaml")
    file.write_text(config)
    words = [sys.executable, training_dir() / f"{kind}.py", "--config", file, "--parent", parent, "--output", output]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True)


def made(kind: str, config: str, parent: Path, output: Path) -> Path:
    done = launch(kind, config, parent, output)
    assert done.returncode == 0, done.stderr[-2000:]
    return output


@pytest.fixture(scope="session")
def sft_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("sft", SFT, tiny_checkpoint, tmp_path_factory.mktemp("sft") / "sft")


@pytest.fixture(scope="session")
def quantised(sft_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("gptq")
    return {bits: made("gptq", f"bits: {bits}\n{GPTQ}", sft_checkpoint, folder / f"gptq{bits}") for bits in BITS}


def logits(checkpoint: Path):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    with torch.no_grad():
        return model(torch.arange(40)[None]).logits


@pytest.mark.slow
def test_sft_changes_every_linear_layer_and_the_checkpoint_reloads(tiny_checkpoint, sft_checkpoint):
    import torch
    from safetensors.torch import load_file

    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_checkpoint, sft_checkpoint))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "proj" in name}
    assert not torch.allclose(logits(tiny_checkpoint), logits(sft_checkpoint))


@pytest.mark.slow
def test_the_manifest_names_the_parent_and_holds_no_path(tiny_checkpoint, sft_checkpoint):
    manifest = read_manifest(sft_checkpoint)
    assert (manifest.kind, manifest.name, manifest.parent.name) == ("sft", "sft", "checkpoint")
    assert manifest.parent.content == content_hash(tiny_checkpoint)
    assert manifest.content == content_hash(sft_checkpoint)
    assert [(data.name, data.n) for data in manifest.data] == [("generated", 16)]
    assert manifest.size.bits_per_weight == 32.0
    assert manifest.tokens_per_second > 0
    assert manifest.metrics["steps"] == 3
    assert str(tiny_checkpoint.parent) not in (sft_checkpoint / "manifest.json").read_text()


# In a process of its own: what GPTQModel does when imported is not for the other tests to live with.
RELATIVE_ERRORS = """
import json, sys, torch
from transformers import AutoModelForCausalLM
from mcqa_suite.harness.quantised import load_quantised

tokens = torch.arange(40)[None]
with torch.no_grad():
    parent = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)(tokens).logits
    models = [load_quantised(folder, "float32") for folder in sys.argv[2:]]
    print(json.dumps([float((model(tokens).logits - parent).norm() / parent.norm()) for model in models]))
"""


@pytest.mark.slow
def test_fewer_bits_are_smaller_and_further_from_the_parent(sft_checkpoint, quantised):
    words = [sys.executable, "-c", RELATIVE_ERRORS, sft_checkpoint, *quantised.values()]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
    assert done.returncode == 0, done.stderr[-2000:]
    errors = json.loads(done.stdout.splitlines()[-1])
    assert errors == sorted(errors)
    assert errors[0] < 0.05
    assert errors[1] < 0.4
    sizes = [read_manifest(folder).size.bits_per_weight for folder in quantised.values()]
    assert sizes[0] < 32
    assert sizes == sorted(sizes, reverse=True)
    assert [json.loads((folder / "quantize_config.json").read_text())["bits"] for folder in quantised.values()] == [
        *BITS
    ]


@pytest.mark.slow
def test_a_quantised_checkpoint_holds_no_temporary_path(quantised):
    for folder in quantised.values():
        assert "offload_to_disk_path" not in "".join(path.read_text() for path in folder.glob("*config.json"))


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_stops_with_one_line_and_leaves_nothing(tiny_checkpoint, tmp_path):
    done = launch("sft", SFT.replace("1e-2", "1e30"), tiny_checkpoint, tmp_path / "sft")
    assert done.returncode == 2
    assert any(line.startswith("sft.py: loss is nan at step") for line in done.stderr.splitlines())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sft").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        (
            "sft",
            SFT.replace("max_steps", "max_step"),
            "bad.yaml: trainer: unknown key 'max_step'; did you mean 'max_steps'?",
        ),
        ("gptq", "bits: 4\ngroup_size: 48\n" + GPTQ.split("\n")[1], "hidden_size 64 is no multiple of 48"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tiny_checkpoint, tmp_path, kind, config, message):
    done = launch(kind, config, tiny_checkpoint, tmp_path / "bad")
    assert done.returncode == 2
    assert message in done.stderr.strip().splitlines()[-1]


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(training_dir()))
    return importlib.import_module("common")


@pytest.fixture
def merging_tokenizer():
    """Two letters, and a merge of the two."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1, "ab": 2}, merges=[("a", "b")]))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@pytest.mark.parametrize(
    ("prompt", "completion", "max_length", "message"),
    [
        ("a", "b", None, "q/1: the prompt's tokens are not the start"),
        ("a", "", None, "q/1: the completion '' has no tokens"),
        ("b", "aaaa", 5, "q/1: 5 tokens do not fit max_length 5"),
    ],
)
def test_a_row_that_would_not_train_its_completion_is_named(
    common, merging_tokenizer, prompt, completion, max_length, message
):
    rows = [
        {"id": "q/0", "prompt": "b", "completion": "a"},
        {"id": "q/1", "prompt": prompt, "completion": completion},
    ]
    with pytest.raises(DatasetError, match=message):
        common.check_rows(rows, merging_tokenizer, max_length)


def test_what_a_library_refuses_is_one_line(common):
    from peft import LoraConfig

    with pytest.raises(
        ConfigError, match=r"x\.yaml: lora: unknown key 'lora_alfa'; did you mean 'lora_alpha'"
    ) as caught:
        common.library_config(LoraConfig, {"lora_alfa": 1}, {}, "x.yaml: lora")
    assert "\n" not in str(caught.value)
