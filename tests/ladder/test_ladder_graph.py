"""The steps of a recipe: their order, and the CPUs and GPUs that each needs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from helpers.locations import REPOSITORY
from helpers.stage_scripts import MIXED, RECIPE, write_recipe

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.extras import install_command
from mcqa_suite.ladder.recipe import read_recipe
from mcqa_suite.ladder.steps import steps_of


def test_a_stage_waits_for_its_parent_and_an_evaluation_for_its_rung(tmp_path, tiny_checkpoint):
    text = RECIPE + "evaluate: [{{tasks: [mcqa_epfl]}}]\n"
    steps = steps_of(read_recipe(write_recipe(tmp_path, text, tiny_checkpoint)))
    assert [(step.number, step.rung, step.kind, set(step.after)) for step in steps] == [
        (2, "base", "evaluate", {1}),
        (3, "sft", "sft", {1}),
        (4, "sft", "evaluate", {3}),
        (5, "gptq8", "gptq", {3}),
        (6, "gptq8", "evaluate", {5}),
        (7, "gptq4", "gptq", {3}),
        (8, "gptq4", "evaluate", {7}),
    ]


def test_a_stage_on_the_best_of_a_sweep_waits_for_all_points_or_for_their_evaluations(tmp_path, tiny_checkpoint):
    text = MIXED + "evaluate: [{{tasks: [mcqa_epfl]}}]\n"
    recipe = write_recipe(tmp_path, text, tiny_checkpoint)

    def waits() -> set[tuple[str, str]]:
        steps = {step.number: step for step in steps_of(read_recipe(recipe))}
        gptq = next(step for step in steps.values() if step.rung == "gptq4" and step.stage)
        return {(steps[number].rung, steps[number].kind) for number in gptq.after}

    points = ("dpo-lr0.1", "dpo-lr0.9", "dpo-lr0.5")
    assert waits() == {(point, "dpo") for point in points}
    by_task = "criterion: {task: mcqa_epfl, metric: acc}"
    recipe.write_text(recipe.read_text().replace("criterion: {metric: reward_accuracy}", by_task))
    assert waits() == {(point, "evaluate") for point in points}


def test_a_step_needs_the_cpus_of_its_stage_else_of_the_recipe_else_its_threads(tmp_path, tiny_checkpoint):
    text = RECIPE.replace("name: gptq8", "num_cpus: 4, num_gpus: 0.5, name: gptq8")
    recipe = write_recipe(tmp_path, text, tiny_checkpoint)
    assert needs(recipe) == ["sft 1 1 None", "gptq8 4 4 0.5", "gptq4 1 1 None"]
    recipe.write_text(recipe.read_text() + "num_cpus: 2\nnum_gpus: 1\n")
    assert needs(recipe) == ["sft 2 2 1.0", "gptq8 4 4 0.5", "gptq4 2 2 1.0"]


def test_processes_share_the_cpus_of_a_step_or_have_the_recipes_threads_each(tmp_path, tiny_checkpoint):
    text = RECIPE.replace("threads: 1", "threads: 3\nprocesses: 2") + "evaluate: [{{tasks: [mcqa_epfl]}}]\n"
    recipe = write_recipe(tmp_path, text, tiny_checkpoint)
    assert needs(recipe)[:4] == ["base 6 3 None", "sft 6 3 None", "sft 6 3 None", "gptq8 3 3 None"]
    recipe.write_text(recipe.read_text() + "num_cpus: 8\n")
    assert needs(recipe)[:4] == ["base 8 4 None", "sft 8 4 None", "sft 8 4 None", "gptq8 8 8 None"]


def needs(recipe: Path) -> list[str]:
    steps = steps_of(read_recipe(recipe))
    return [f"{step.rung} {step.cpus} {step.threads} {step.gpus}" for step in steps]


@pytest.mark.parametrize("line", ["num_cpus: 0", "num_gpus: 1.5", "num_gpus: -1"])
def test_an_impossible_number_of_cpus_or_gpus_is_an_error(tmp_path, tiny_checkpoint, line):
    with pytest.raises(ConfigError, match=f"{line}; expected"):
        read_recipe(write_recipe(tmp_path, f"{RECIPE}{line}\n", tiny_checkpoint))


def test_ray_that_is_not_installed_is_one_line(tmp_path, tiny_checkpoint, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["run", str(write_recipe(tmp_path, RECIPE, tiny_checkpoint)), "--ray", "auto"]) == 2
    assert capsys.readouterr().err == f"mcqa: ray is not installed: {install_command('ray')}\n"


def test_ray_is_imported_in_one_file_only_and_not_at_its_top():
    files = [path for path in (REPOSITORY / "src").rglob("*.py") if re.search(r"(import|from) ray\b", path.read_text())]
    assert [path.name for path in files] == ["on_ray.py"]
    assert not re.search(r"^(import|from) ray\b", files[0].read_text(), re.MULTILINE)
