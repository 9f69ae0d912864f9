"""Steps that a training keeps are rungs of a ladder."""

from __future__ import annotations

import pytest
from helpers.recipes import recipe_file
from helpers.training_scripts import default_warnings

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import read_manifest
from mcqa_suite.ladder.outputs import save_steps
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.run import run_recipe
from mcqa_suite.ladder.smoke import smoke
from mcqa_suite.ladder.steps import steps_of

RECIPE = """
name: small
base: random-model
stages:
  - name: sft
    kind: sft
    parent: base
    settings:
      data: [{source: rows, path: rows.jsonl}]
      keep_steps: [2, 1]
      trainer: {max_steps: 3, per_device_train_batch_size: 2, max_length: 512}
evaluate:
  - {tasks: [mcqa_epfl], limit: 8}
"""


def write(folder, text=RECIPE):
    (folder / "rows.jsonl").write_text('{"question": "Why?", "answer": "So."}\n{"question": "Who?", "answer": "He."}\n')
    return recipe_file(folder, text)


def test_each_kept_step_is_a_rung_of_the_same_parent(tmp_path):
    recipe = read_recipe(write(tmp_path))
    assert [(stage.name, stage.parent) for stage in recipe.stages] == [
        ("sft", "base"),
        ("sft-step1", "base"),
        ("sft-step2", "base"),
    ]
    first, *others = recipe.stages
    assert [(stage.settings.kept_step, stage.settings.kept_from) for stage in others] == [(1, "sft"), (2, "sft")]
    assert first.settings.keep_steps == (2, 1)
    waiting = {step.rung: step.after for step in steps_of(recipe) if step.stage}
    trained = next(step.number for step in steps_of(recipe) if step.stage and step.rung == "sft")
    assert waiting["sft-step1"] == waiting["sft-step2"] == {trained}


def test_a_kept_step_may_be_a_parent_and_be_evaluated_alone(tmp_path):
    more = (
        "  - {name: b, kind: sft, parent: sft-step2, settings: {data: [{source: rows, path: rows.jsonl}]}}\nevaluate:"
    )
    text = RECIPE.replace("evaluate:", more).replace("limit: 8", "limit: 8, rungs: [base, sft-step2]")
    recipe = read_recipe(write(tmp_path, text))
    assert recipe.stages[-1].parent == "sft-step2"
    assert recipe.evaluate[0].rungs == ("base", "sft-step2")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[2, 1]", "[1, 1]", "a step comes twice"),
        ("[2, 1]", "[0]", "keep_steps"),
        ("[2, 1]", "[]", "keep_steps"),
        ("keep_steps: [2, 1]", "kept_step: 2", "kept_step and kept_from are not for recipes; write keep_steps"),
        (
            "evaluate:",
            "    sweep: {seed: [1, 2]}\n    criterion: {metric: loss}\nevaluate:",
            "a sweep or a reward model keeps no",
        ),
        (
            "stages:",
            "stages:\n  - {name: sft-step2, kind: sft, parent: base, settings: {data: [{source: rows, path: rows.jsonl}]}}",
            "there is a stage 'sft-step2' already",
        ),
    ],
)
def test_steps_that_cannot_be_kept_are_refused_with_their_place(tmp_path, old, new, reason):
    path = write(tmp_path, RECIPE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=rf"{path}: stages\[\d\].*{reason}"):
        read_recipe(path)


@pytest.mark.slow
@default_warnings
def test_kept_steps_are_made_evaluated_drawn_and_kept_by_a_rerun(tmp_path, capfd):
    recipe = read_recipe(write(tmp_path))
    result = run_recipe(recipe, tmp_path / "run")
    assert [rung.name for rung in result.rungs] == ["base", "sft", "sft-step1", "sft-step2"]
    assert all(rung.evaluation for rung in result.rungs)
    contents = {rung.manifest.content for rung in result.rungs}
    assert len(contents) == 4
    assert read_manifest(tmp_path / "run/checkpoints/sft-step2").metrics["steps"] == 2
    [path] = save_steps(result)
    assert "steps of sft" in path.read_text(encoding="utf-8")
    capfd.readouterr()
    run_recipe(recipe, tmp_path / "run")
    assert capfd.readouterr().out.count("unchanged") == 7  # three stages and four evaluations


@pytest.mark.slow
@default_warnings
def test_the_smoke_form_keeps_its_first_step(tmp_path):
    result = run_recipe(smoke(read_recipe(write(tmp_path))).recipe, tmp_path / "run")
    assert [rung.manifest.metrics.get("steps") for rung in result.rungs] == [None, 2, 1, 1]
