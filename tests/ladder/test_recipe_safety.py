"""A recipe of a stranger sends nothing, imports nothing and writes only below the working directory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.recipes import recipe_file

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.ladder.foreign_recipes import own_output
from mcqa_suite.ladder.recipe import read_recipe

SENDS = [
    ("push_to_hub: true", "'push_to_hub' uploads what is trained"),
    ("hub_model_id: stranger/loot", "'hub_model_id' uploads"),
    ("hub_token: hf_0123", "'hub_token' uploads"),
    ("trackio_space_id: stranger/space", "'trackio_space_id' uploads"),
    ("output_dir: /tmp/elsewhere", "'output_dir' is set by the stage"),
    ("logging_dir: /tmp/elsewhere", "'logging_dir' is set by the stage"),
    ("resume_from_checkpoint: /tmp/pickles", "'resume_from_checkpoint' is set by the stage"),
    ("deepspeed: {zero_optimization: {stage: 2}}", "'deepspeed' is set by `accelerate: deepspeed`"),
    ("fsdp: full_shard", "'fsdp' is set by `accelerate: fsdp`"),
    ("fsdp_config: {a: 1}", "'fsdp_config' is set by `accelerate: fsdp`"),
    ("report_to: wandb", "report_to: 'wandb' sends what is logged"),
    ("report_to: [tensorboard, trackio]", "report_to: 'trackio' sends"),
    ("report_to: all", "report_to: 'all' sends"),
]


@pytest.mark.parametrize(("argument", "words"), SENDS, ids=[argument.partition(":")[0] for argument, _ in SENDS])
@pytest.mark.parametrize("in_file", [False, True], ids=["settings", "config"])
def test_a_recipe_sends_nothing_and_writes_nowhere_else(tmp_path, argument, words, in_file):
    trainer = f"{{{argument}}}"
    if in_file:
        (tmp_path / "sft.yaml").write_text(f"data: [{{source: symbolic_local, n: 8}}]\ntrainer: {trainer}\n")
        settings = "config: sft.yaml"
    else:
        settings = f"settings: {{data: [{{source: symbolic_local, n: 8}}], trainer: {trainer}}}"
    path = recipe_file(tmp_path, f"name: x\nstages:\n  - {{name: sft, kind: sft, parent: base, {settings}}}\n")
    with pytest.raises(ConfigError, match=re.escape(words)) as refused:
        read_recipe(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("argument", ["megatron_core: antigravity", "auto_mapping: {parent_library: antigravity}"])
def test_an_adapter_in_a_recipe_imports_nothing(tmp_path, argument):
    settings = f"{{data: [{{source: symbolic_local, n: 8}}], lora: {{{argument}}}}}"
    path = recipe_file(
        tmp_path, f"name: x\nstages:\n  - {{name: sft, kind: sft, parent: base, settings: {settings}}}\n"
    )
    with pytest.raises(ConfigError, match=r"lora: key .* imports a module by its name"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{custom_generate: stranger/repo}", "'custom_generate' is no setting of generation"),
        ("{max_gen_toks: 8, trust_remote_code: true}", "'trust_remote_code' is no setting of generation"),
        ("{generation_config: {custom_generate: x}}", "'generation_config' is no setting of generation"),
        ("{until: [{custom_generate: x}]}", "until: "),
        ("{temperature: {custom_generate: x}}", "temperature: "),
        ("{chat_template_kwargs: {a: {b: 1}}}", "chat_template_kwargs: "),
        ("{temperatur: 0.7}", "did you mean 'temperature'"),
    ],
)
def test_generation_settings_of_a_recipe_are_a_list_of_known_names(tmp_path, settings, words):
    path = recipe_file(tmp_path, f"name: x\nevaluate:\n  - {{tasks: [mcqa_epfl_cot], gen_kwargs: {settings}}}\n")
    with pytest.raises(ConfigError, match=rf"evaluate\[0\]: gen_kwargs: .*{re.escape(words)}") as refused:
        read_recipe(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "output", ["{elsewhere}", "../elsewhere", "runs/../../elsewhere", "..", ".", "mine", "notes.txt"]
)
def test_a_recipe_s_own_output_is_a_new_folder_below_the_working_directory(tmp_path, monkeypatch, output):
    for folder in ("elsewhere", "work/mine"):
        (tmp_path / folder / "evaluations/base").mkdir(parents=True)
        (tmp_path / folder / "evaluations/base/manifest.json").write_text("mine")
    (tmp_path / "work/notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path / "work")
    before = sorted(tmp_path.rglob("*"))
    text = output.format(elsewhere=tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"give --output on the command line") as refused:
        own_output(Path(text), "recipe.yaml")
    assert str(refused.value).startswith(f"recipe.yaml: output: {str(Path(text))!r}")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_recipe_may_name_a_new_an_empty_and_a_run_s_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/leaderboard.md").touch()
    (tmp_path / "run/.lock").touch()
    for name in ("new/deep", "empty", "run", "new/../run"):
        assert own_output(Path(name), "recipe.yaml") == (tmp_path / name).absolute()
