"""The training scripts as a person runs them: a process, a config, a parent, an output."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import pytest
from helpers.locations import REPOSITORY, TRAIN
from helpers.training_scripts import script, weights

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import content_hash, read_manifest
from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.process import ENVIRONMENT
from mcqa_suite.ladder.stage_settings import SETTINGS, read_settings

ROWS = f"source: epfl, path: {TRAIN}, n: 16, seed: 1"
SFT = f"""
data:
  - {{{ROWS}, style: letter_text}}
lora: {{r: 4}}
trainer: {{max_steps: 3, per_device_train_batch_size: 4, learning_rate: 1e-2, logging_steps: 1}}
"""
GPTQ = f"group_size: 32\ncalibration: [{{{ROWS}}}]\n"
BITS = (8, 4, 3, 2)
ARGS = Namespace(config="x.yaml")


def launch(kind: str, config: str, parent: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """A training script in a process of its own, its config beside the output."""
    file = output.with_suffix(".yaml")
    file.write_text(config)
    words = [sys.executable, training_dir() / f"{kind}.py", "--config", file, "--parent", parent, "--output", output]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True)


def run_stage(kind: str, config: str, parent: Path, output: Path) -> Path:
    done = launch(kind, config, parent, output)
    assert done.returncode == 0, done.stderr[-2000:]
    return output


@pytest.fixture(scope="session")
def sft_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_stage("sft", SFT, tiny_checkpoint, tmp_path_factory.mktemp("sft") / "sft")


@pytest.fixture(scope="session")
def quantised(sft_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("gptq")
    return {bits: run_stage("gptq", f"bits: {bits}\n{GPTQ}", sft_checkpoint, folder / f"gptq{bits}") for bits in BITS}


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
    changed = {name for name in before if not torch.equal(before[name].bfloat16(), after[name])}
    assert changed == {name for name in before if "proj" in name}
    assert not torch.allclose(logits(tiny_checkpoint), logits(sft_checkpoint))


@pytest.mark.slow
def test_the_manifest_names_the_parent_and_holds_no_path(tiny_checkpoint, sft_checkpoint):
    manifest = read_manifest(sft_checkpoint)
    assert (manifest.kind, manifest.name, manifest.parent.name) == ("sft", "sft", "checkpoint")
    assert manifest.parent.content == content_hash(tiny_checkpoint)
    assert manifest.content == content_hash(sft_checkpoint)
    assert [(data.name, data.n) for data in manifest.data] == [("epfl", 16)]
    assert (manifest.size.bits_per_weight, manifest.size.stored) == (16.0, "bfloat16")
    assert manifest.tokens_per_second > 0
    assert manifest.metrics["steps"] == 3
    assert str(tiny_checkpoint.parent) not in (sft_checkpoint / "manifest.json").read_text()


# In a process of its own: what GPTQModel does when imported is not for the other tests to live with.
RELATIVE_ERRORS = """
import json, sys, torch
from transformers import AutoModelForCausalLM
from mcqa_suite.backend.loading import load

tokens = torch.arange(40)[None]
with torch.no_grad():
    parent = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)(tokens).logits
    models = [load(folder, "AutoModelForCausalLM")[0] for folder in sys.argv[2:]]
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
    assert sizes[0] < 16
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
    done = launch("sft", SFT.replace("1e-2", "1e18"), tiny_checkpoint, tmp_path / "sft")
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
        ("gptq", "bits: 4\ngroup_size: 48\n" + GPTQ.split("\n")[1], "hidden_size 64 is not a multiple of 48"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(tiny_checkpoint, tmp_path, kind, config, message):
    done = launch(kind, config, tiny_checkpoint, tmp_path / "bad")
    assert done.returncode == 2
    assert message in done.stderr.strip().splitlines()[-1]


DPO = f"""
data: [{{{ROWS}}}]
held_out: 0.25
lora: {{r: 4}}
trainer: {{max_steps: 2, per_device_train_batch_size: 2, precompute_ref_log_probs: true}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "settings"), [("sft", SFT), ("dpo", DPO)])
def test_two_processes_train_one_checkpoint_and_the_manifest_counts_them(tiny_checkpoint, tmp_path, kind, settings):
    config, output = tmp_path / "settings.yaml", tmp_path / kind
    config.write_text(settings)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = [training_dir() / f"{kind}.py", "--config", config, "--parent", tiny_checkpoint, "--output", output]
    done = subprocess.run([sys.executable, *launcher, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert read_manifest(output).hardware.processes == 2
    assert weights(output)["model.layers.0.mlp.up_proj.weight"].isfinite().all()
    assert {path.name for path in tmp_path.iterdir()} == {kind, f".{kind}.lock", "settings.yaml"}


@pytest.mark.slow
def test_settings_are_checked_without_a_parent_and_without_training(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SFT)
    bad.write_text(SFT.replace("r: 4", "rank: 4"))
    with pytest.raises(SystemExit) as left:
        checked("sft", good)
    assert left.value.code == 0
    with pytest.raises(ConfigError, match=r"bad\.yaml: lora: unknown key 'rank'"):
        checked("sft", good, bad)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gradient_checkpointing", "activation_checkpointing"])
def test_settings_may_use_the_old_or_the_new_name_of_an_argument_that_transformers_renamed(tmp_path, name):
    from trl import SFTConfig

    if not hasattr(SFTConfig, name):
        pytest.skip(f"this version of transformers has no {name}")
    settings = Namespace(trainer={name: True}, seed=0, dtype="float32")
    assert script("mcqa_training.stage").trainer_config(SFTConfig, settings, "", str(tmp_path)).gradient_checkpointing


def checked(kind: str, *files: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [kind, "--check", *map(str, files)])
        script(kind).main()


def check(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(training_dir() / "check.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})


@pytest.mark.slow
def test_settings_of_every_kind_are_checked_in_one_process(tmp_path):
    kinds = [kind for kind in SETTINGS if kind != "bnb" or importlib.util.find_spec("bitsandbytes")]
    words = [word for kind in kinds for word in (f"--{kind}", str(training_dir() / "configs" / f"{kind}.yaml"))]
    done = check(*words)
    assert done.returncode == 0, done.stderr[-2000:]
    bad = tmp_path / "bad.yaml"
    bad.write_text(f"bits: 4\ndamp_percnt: 0.1\n{GPTQ}")
    done = check("--sft", words[1], "--gptq", str(bad))
    assert done.returncode == 2
    assert f"check.py: {bad}: unknown key 'damp_percnt'; did you mean 'damp_percent'?" in done.stderr.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sft", "dpo", "orpo", "reward"])
def test_a_trainer_argument_that_the_library_does_not_have_is_one_line(tmp_path, kind):
    bad = tmp_path / "bad.yaml"
    bad.write_text(f"data: [{{{ROWS}}}]\ntrainer: {{warmup_ratio_typo: 0.1}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["check", f"--{kind}", str(bad)])
        with pytest.raises(ConfigError, match=r"bad\.yaml: trainer: unknown key 'warmup_ratio_typo'; did you mean"):
            script("check").main()


def test_a_missing_library_of_a_kind_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(ConfigError, match=r"trl is not installed: pip install .*\[train\]'"):
        script("check").library_configs("sft")


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_docstring_of_a_script_is_a_command_with_an_existing_config(kind):
    docstring = ast.get_docstring(ast.parse((training_dir() / f"{kind}.py").read_text())) or ""
    words = next(line for line in docstring.splitlines() if line.startswith("python ")).split()
    assert words[1] == f"training/{kind}.py"
    flags = dict(zip(words[2::2], words[3::2], strict=True))
    assert {"--config", "--parent", "--output"} <= flags.keys()
    read_settings(kind, REPOSITORY / flags["--config"])


# Prints the thread policy at the moment that torch is first imported.
FIRST_IMPORT = """
import os, runpy, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("OMP_WAIT_POLICY"), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Finder())
sys.path.insert(0, sys.argv[1])
runpy.run_path(f"{sys.argv[1]}/{sys.argv[2]}.py")
"""


@pytest.mark.parametrize("name", [*SETTINGS, "check"])
def test_every_script_sets_its_environment_before_it_imports_torch(name):
    if name == "bnb":
        pytest.importorskip("bitsandbytes")
    command = [sys.executable, "-c", FIRST_IMPORT, str(training_dir()), name]
    env = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "PASSIVE", done.stderr[-2000:]


@pytest.fixture
def common() -> ModuleType:
    return script("mcqa_training.stage")


def test_an_argument_that_a_library_refuses_is_one_line(common):
    from peft import LoraConfig

    with pytest.raises(
        ConfigError, match=r"x\.yaml: lora: unknown key 'lora_alfa'; did you mean 'lora_alpha'"
    ) as caught:
        common.library_config(LoraConfig, {"lora_alfa": 1}, {}, "x.yaml: lora")
    assert "\n" not in str(caught.value)


def test_an_out_of_memory_error_names_the_setting_to_lower(common):
    import torch

    with (
        pytest.raises(
            ConfigError, match=r"x\.yaml: out of memory with per_device_train_batch_size 64; lower it"
        ) as caught,
        common.enough_memory(ARGS, "per_device_train_batch_size", 64, "lower it"),
    ):
        torch.empty(10**15)
    assert "\n" not in str(caught.value)
    with (
        pytest.raises(RuntimeError, match="inconsistent tensor size"),
        common.enough_memory(ARGS, "batch_size", 1, "lower it"),
    ):
        torch.ones(2) @ torch.ones(3)
