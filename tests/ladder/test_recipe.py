"""Recipes are read, and a mistake in one is named with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY
from helpers.recipes import recipe_file

from mcqa_suite.common.chat_template import WITHOUT, ChatTemplate
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.paths import training_dir
from mcqa_suite.ladder.changes import setting_changes
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.stage_settings import SETTINGS, Source, compared, parse_settings, read_settings, record
from mcqa_suite.ladder.stages import base_checkpoint

RECIPE = """
name: small
base: .
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      data: [{source: symbolic_local, n: 8}]
      trainer: {learning_rate: 2e-4}
  - {name: gptq4, kind: gptq, parent: sft, settings: {bits: 4, calibration: [{source: symbolic_local, n: 8}]}}
evaluate:
  - {tasks: [mcqa_epfl], limit: 8}
"""


def test_every_stage_takes_the_recipes_seed_and_dtype(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path, RECIPE + "seed: 7\ndtype: bfloat16\n"))
    assert [(stage.settings.seed, stage.settings.dtype) for stage in recipe.stages] == [(7, "bfloat16")] * 2
    assert recipe.output == Path("runs/small")


def test_a_number_with_an_exponent_is_a_number(tmp_path):
    assert read_recipe(recipe_file(tmp_path, RECIPE)).stages[0].settings.trainer == {"learning_rate": 2e-4}


def test_a_stage_may_merge_the_settings_of_another(tmp_path):
    text = RECIPE.replace(
        "data: [{source: symbolic_local, n: 8}]\n", "&sft\n      data: [{source: symbolic_local, n: 8}]\n", 1
    )
    text = text.replace("    settings:\n      &sft", "    settings: &sft")
    again = "  - {name: long, kind: sft, parent: base, settings: {<<: *sft, rows: 16}}\nevaluate:"
    first, _, third = read_recipe(recipe_file(tmp_path, text.replace("evaluate:", again))).stages
    assert (third.settings.trainer, third.settings.rows) == (first.settings.trainer, 16)


BAD = [
    ("name: small", "nane: small", "recipe.yaml: unknown key 'nane'; did you mean 'name'?"),
    ("kind: sft", "kin: sft", r"recipe.yaml: stages\[0\]: unknown key 'kin'; did you mean 'kind'?"),
    ("bits: 4", "bit: 4", r"stages\[1\]: settings: unknown key 'bit'; did you mean 'bits'?"),
    ("bits: 4", "bits: 5", "bits: 5; expected 8, 4, 3 or 2"),
    ("bits: 4", "bits: four", "bits: 'four'; expected 8, 4, 3 or 2"),
    ("bits: 4", "bits: true", "bits: True; expected 8, 4, 3 or 2"),
    ("bits: 4,", "", "no 'bits'"),
    ("n: 8}]\n", "nn: 8}]\n", r"settings: data\[0\]: unknown key 'nn'"),
    ("limit: 8", "limt: 8", r"evaluate\[0\]: unknown key 'limt'; did you mean 'limit'?"),
    ("tasks: [mcqa_epfl]", "tasks: mcqa_epfl", r"evaluate\[0\]: tasks: 'mcqa_epfl'; expected a list"),
    ("kind: sft", "kind: sftt", "kind: 'sftt'; expected one of sft, dpo, orpo"),
    ("parent: sft", "parent: dpo", r"stages\[1\]: parent: 'dpo'; expected one of base, sft"),
    ("name: gptq4", "name: sft", "'sft' is already used"),
    ("name: gptq4", "name: ../x", "use letters, digits"),
    ("base: .", "base: .\nbase: x", r"recipe.yaml:4: not valid YAML: key 'base' given twice"),
    ("base: .", "base: [", r"recipe.yaml:\d+: not valid YAML"),
    ("name: small", "name: small\ndtype: float31", "dtype: 'float31'; expected 'float32', 'bfloat16' or 'float16'"),
    ("name: small", "name: small\nthreads: 0", "threads: 0; expected at least 1"),
]


@pytest.mark.parametrize(
    ("before", "after", "message"), BAD, ids=[after.split("\n")[-1] or before for before, after, _ in BAD]
)
def test_a_mistake_in_a_recipe_is_one_line_with_its_place(tmp_path, before, after, message):
    assert before in RECIPE
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(recipe_file(tmp_path, RECIPE.replace(before, after, 1)))
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.yaml: No such file"):
        read_recipe(tmp_path / "no.yaml")


def test_paths_are_relative_to_the_file_that_names_them(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "sft.yaml").write_text("data: [{source: epfl, path: q.jsonl}]\nseed: 3\n")
    text = RECIPE.replace("parent: base\n    settings:", "parent: base\n    config: configs/sft.yaml\n    settings:")
    text = text.replace("      data: [{source: symbolic_local, n: 8}]\n", "")
    settings = read_recipe(recipe_file(tmp_path, text)).stages[0].settings
    assert settings.data == (Source("epfl", path=str(tmp_path / "configs" / "q.jsonl")),)
    assert settings.seed == 3
    assert settings.trainer == {"learning_rate": 2e-4}


ADAPTERS = [
    (
        "gptq, settings: {bits: 4, calibration: [{source: symbolic_local, n: 8}]}",
        "is an adapter .merge: false.; put a stage",
    ),
    ("merge", None),
]


@pytest.mark.parametrize(("kind", "message"), ADAPTERS)
def test_an_adapter_is_merged_before_it_is_quantised(tmp_path, kind, message):
    text = RECIPE.replace("    settings:\n", "    settings:\n      merge: false\n", 1)
    text = text[: text.index("  - {name: gptq4")] + f"  - {{name: next, parent: sft, kind: {kind}}}\n"
    if message is None:
        assert read_recipe(recipe_file(tmp_path, text)).stages[1].kind == "merge"
        return
    with pytest.raises(ConfigError, match=message):
        read_recipe(recipe_file(tmp_path, text))


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("{name: m, kind: merge, parent: sft}", "'sft' is not an adapter; merge needs a stage with merge: false"),
        (
            "{name: d, kind: dpo, parent: gptq4, settings: {data: [{source: arc, n: 8}]}}",
            "'gptq4' is quantised",
        ),
    ],
)
def test_an_unusable_parent_is_an_error_before_any_training(tmp_path, stage, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(recipe_file(tmp_path, RECIPE.replace("evaluate:", f"  - {stage}\nevaluate:")))


def test_a_reward_model_cannot_be_a_parent(tmp_path):
    reward = "{name: r, kind: reward, parent: sft, settings: {data: [{source: arc, n: 8}]}}"
    text = RECIPE.replace("evaluate:", f"  - {reward}\nevaluate:")
    assert not read_recipe(recipe_file(tmp_path, text)).stages[-1].generates
    text = text.replace(
        "evaluate:",
        "  - {name: d, kind: sft, parent: r, settings: {data: [{source: symbolic_local, n: 8}]}}\nevaluate:",
    )
    with pytest.raises(ConfigError, match="parent: 'r' is a reward model, which only scores"):
        read_recipe(recipe_file(tmp_path, text))


def test_a_recipe_says_how_all_formats_or_each_of_them_is_asked(tmp_path):
    def chat(text, stage=""):
        recipe = read_recipe(
            recipe_file(tmp_path, (RECIPE + text).replace("    settings:\n", f"    settings:\n{stage}", 1))
        )
        return recipe.chat_template, recipe.stages[0].settings.chat_template

    assert chat("") == (None, None)
    assert chat("chat_template: false\n", "      chat_template: true\n") == (WITHOUT, ChatTemplate.everywhere(True))
    assert chat("chat_template: {cloze: false, written: true}\n") == (ChatTemplate(None, False, True), None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{leter: true}", "chat_template: unknown key 'leter'; valid keys: letter, cloze, written"),
        ("{letter: often}", "chat_template: letter: 'often'; expected true or false"),
        ("sometimes", "chat_template: 'sometimes'; expected true, false or a mapping"),
    ],
)
def test_a_way_of_asking_that_is_not_one_is_named_with_its_place(tmp_path, value, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        read_recipe(recipe_file(tmp_path, RECIPE + f"chat_template: {value}\n"))
    entry = f"evaluate:\n  - {{tasks: [mcqa_arc], apply_chat_template: {value}}}\n"
    with pytest.raises(ConfigError, match=r"evaluate\[0\]: apply_chat_template: "):
        read_recipe(recipe_file(tmp_path, "name: x\n" + entry))


ORIGINS = """name: r
data: hub
stages:
  - {name: sft, kind: sft, parent: base, settings: {data: [{source: arc}, {source: arc, data: bundled}, {source: sciq}]}}
  - {name: gptq, kind: gptq, parent: sft, settings: {bits: 4, calibration: [{source: gsm8k}]}}
evaluate:
  - {tasks: [mcqa_arc]}
  - {tasks: [mcqa_arc], metadata: {data: bundled}}
"""


def test_a_recipe_says_where_the_rows_of_public_data_sets_come_from(tmp_path):
    (tmp_path / "recipe.yaml").write_text(ORIGINS, encoding="utf-8")
    recipe = read_recipe(tmp_path / "recipe.yaml")
    sft, gptq = (stage.settings for stage in recipe.stages)
    assert [source.data for source in sft.data] == ["hub", "bundled", None]  # sciq is not bundled: the hub's anyway
    assert [source.data for source in gptq.calibration] == ["hub"]
    assert [entry.metadata["data"] for entry in recipe.evaluate] == ["hub", "bundled"]
    (tmp_path / "recipe.yaml").write_text(ORIGINS.replace("data: hub\n", ""), encoding="utf-8")
    recipe = read_recipe(tmp_path / "recipe.yaml")
    assert [source.data for source in recipe.stages[0].settings.data] == [None, "bundled", None]
    assert recipe.evaluate[0].metadata is None
    (tmp_path / "recipe.yaml").write_text(ORIGINS.replace("data: hub\n", "data: web\n"), encoding="utf-8")
    with pytest.raises(ConfigError, match="data: 'web'; expected 'bundled' or 'hub'"):
        read_recipe(tmp_path / "recipe.yaml")


def test_every_config_on_disk_loads():
    configs = sorted((training_dir() / "configs").glob("*.yaml"))
    recipes = [path for path in configs if path.stem not in SETTINGS]
    assert recipes
    assert len(configs) > len(recipes)
    for path in configs:
        if path in recipes:
            read_recipe(path)
        else:
            read_settings(path.stem, path)


def test_of_the_settings_that_version_0_1_0_recorded_only_the_stored_type_has_changed():
    manifest = json.loads((REPOSITORY / "tests/common/manifest_0.1.0.json").read_text())
    settings = parse_settings("dpo", manifest["settings"], "manifest_0.1.0.json", Path())
    changes = list(setting_changes(compared(manifest["settings"]), record(settings)))
    assert changes == ["save_dtype: float32 -> bfloat16"]
    in_16_bits = manifest["settings"] | {"dtype": "bfloat16"}
    assert compared(in_16_bits)["save_dtype"] == "bfloat16"


def test_a_base_that_is_not_a_checkpoint_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match=r"is not a checkpoint; give a folder with config\.json"):
        base_checkpoint(read_recipe(recipe_file(tmp_path, RECIPE)))
    with pytest.raises(CheckpointError, match=r"no checkpoint '\.\./nowhere'; give a folder"):
        base_checkpoint(read_recipe(recipe_file(tmp_path, RECIPE.replace("base: .", "base: ../nowhere"))))


def test_a_base_that_is_not_on_the_hub_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="'nobody/nothing' is neither a folder nor on the hub; give"):
        base_checkpoint(read_recipe(recipe_file(tmp_path, RECIPE.replace("base: .", "base: nobody/nothing"))))
