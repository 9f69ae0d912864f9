"""Numbers and structure of a recipe are checked for every stage before the first one runs."""

from __future__ import annotations

import pytest
from helpers.recipes import recipe_file

from mcqa_suite.common.config import read_yaml
from mcqa_suite.common.errors import McqaError
from mcqa_suite.ladder.recipe import read_recipe

RECIPE = """
name: demo
base: random-model
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      data: [{source: arc, n: 4}]
      lora: {r: 2}
      trainer: {learning_rate: 1e-3}
  - {name: last, kind: gptq, parent: sft, settings: {bits: 4, calibration: [{source: arc, n: 4}]}}
evaluate:
  - {tasks: [mcqa_epfl], limit: 4}
"""


def read(tmp_path, old, new):
    assert old in RECIPE
    return read_recipe(recipe_file(tmp_path, RECIPE.replace(old, new, 1)))


def test_the_recipe_itself_is_read(tmp_path):
    assert len(read(tmp_path, "demo", "demo").stages) == 2


LONG = "n" * 300


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: demo", "name: demo\nseed: -1", "seed: -1"),
        ("name: demo", "name: demo\nseed: 1:30", "1:30 is a number to the base of 60"),
        ("name: demo", "name: demo\nseed: 1:30.5", "1:30.5 is a number to the base of 60"),
        ("name: demo", "name: demo\nseed: .nan", "seed: nan"),
        ("name: demo", f"name: demo\nseed: 1{'0' * 400}", "seed: 1000"),
        ("name: demo", "name: demo\nbatch_size: 0", "batch_size: 0"),
        ("1e-3", ".nan", "learning_rate: nan"),
        ("1e-3", ".inf", "learning_rate: inf"),
        ("1e-3", "-1e-3", "learning_rate: -0.001"),
        ("1e-3", "fast", "learning_rate: 'fast'"),
        ("1e-3", "[1e-3]", "learning_rate"),
        ("learning_rate: 1e-3", "per_device_train_batch_size: 0", "per_device_train_batch_size: 0"),
        ("{r: 2}", "{r: -2}", "r: -2"),
        ("{r: 2}", "{r: 2, target_modules: '(a+)+$'}", "target_modules"),
        ("{r: 2}", "{r: 2, exclude_modules: '(a+)+$'}", "exclude_modules"),
        ("{r: 2}", "{r: 2, rank_pattern: {'(a+)+$': 2}}", "rank_pattern"),
        ("{r: 2}", "null_", "lora"),
        ("bits: 4", "bits: 5", "bits: 5"),
        ("bits: 4", "bits: true", "bits"),
        ("bits: 4", "bits: 4, group_size: 0", "group_size"),
        ("bits: 4", "bits: 4, batch_size: 0", "batch_size: 0"),
        ("bits: 4", "bits: 4, damp_percent: 5", "damp_percent: 5"),
        ("bits: 4", "bits: 4, rows: -1", "rows: -1"),
        ("{source: arc, n: 4}", "{source: arc, n: 4, seed: -1}", "seed: -1"),
        ("limit: 4", "limit: -4", "limit: -4"),
        ("limit: 4", "num_fewshot: -1", "num_fewshot: -1"),
        ("limit: 4", "metadata: {epfl_file: 5}", "epfl_file: 5"),
        ("limit: 4", "metadata: [epfl_file]", "metadata"),
        ("name: sft", f"name: {LONG}", "300 characters"),
        ("name: sft", "name: settings", "another log file"),
        ("name: last", "name: sft.evaluation", "another log file"),
        ("parent: base", "parent: null", "parent"),
        ("parent: base", "parent: [base]", "parent"),
        ("settings: {bits", "settings: [{bits", "not valid YAML"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_line(tmp_path, old, new, words):
    with pytest.raises(McqaError) as refused:
        read(tmp_path, old, new)
    assert words in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_large_settings_file_is_not_read_whole(tmp_path):
    path = tmp_path / "recipe.yaml"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)  # a sparse file of a terabyte
    with pytest.raises(McqaError, match="characters"):
        read_yaml(path)
