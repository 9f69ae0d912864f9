"""`rungs` of an entry of `evaluate`: which rungs are asked its tasks."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.recipes import recipe_file

from mcqa_suite.common.chat_template import WITHOUT
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.ladder.evaluation import plan_of
from mcqa_suite.ladder.recipe import Recipe, evaluated, read_recipe
from mcqa_suite.ladder.steps import steps_of

RECIPE = """
name: small
base: .
stages:
  - {name: sft, kind: sft, parent: base, settings: {data: [{source: arc, split: train, style: cloze}]}}
  - name: gptq
    kind: gptq
    parent: sft
    sweep: {bits: [8, 4]}
    criterion: {task: mcqa_epfl, metric: acc}
    settings: {calibration: [{source: arc, split: train, style: cloze}]}
evaluate:
  - {tasks: [mcqa_epfl_cloze], rungs: [base, sft]}
  - {tasks: [mcqa_epfl], rungs: [sft, gptq]}
"""


def read(folder: Path, text: str = RECIPE) -> Recipe:
    return read_recipe(recipe_file(folder, text))


def test_a_rung_is_asked_the_entries_that_name_it_or_its_sweep(tmp_path):
    recipe = read(tmp_path)
    assert {name: list(evaluated(recipe, name)) for name in ("base", "sft", "gptq-bits8", "gptq-bits4")} == {
        "base": [0],
        "sft": [0, 1],
        "gptq-bits8": [1],
        "gptq-bits4": [1],
    }
    (entry,) = plan_of(WITHOUT, evaluated(recipe, "gptq-bits8").values())
    assert entry == {"tasks": ("mcqa_epfl",), "apply_chat_template": False}


def test_a_rung_without_an_entry_is_not_evaluated(tmp_path):
    recipe = read(tmp_path, RECIPE.replace("rungs: [base, sft]", "rungs: [sft]"))
    assert [step.rung for step in steps_of(recipe) if step.stage is None] == ["sft", "gptq-bits8", "gptq-bits4"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "[base, sft]",
            "[stf]",
            r"evaluate\[0\]: rungs: 'stf'; expected some of base, sft, gptq",
        ),
        ("[sft, gptq]", "[]", r"evaluate\[1\]: rungs: empty; give at least 1"),
        ("[sft, gptq]", "[sft]", r"criterion: task 'mcqa_epfl' is not evaluated"),
    ],
)
def test_a_rung_that_cannot_be_asked_is_named(tmp_path, before, after, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, RECIPE.replace(before, after))
