"""A ladder with real processes: stand-in scripts for the order of its steps, the real ones once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.locations import TEST, TRAIN
from helpers.stage_scripts import MIXED, use_stand_ins, write_recipe

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError, StageError
from mcqa_suite.ladder.outputs import save_sweeps
from mcqa_suite.ladder.recipe import read_recipe, with_jobs
from mcqa_suite.ladder.run import run_recipe

RECIPE = """
name: small
base: {base}
output: {output}
stages:
  - {{name: sft, kind: sft, parent: base, settings: {{data: [{{source: symbolic_local, n: {n}}}], seed: {sft_seed}}}}}
  - {{name: gptq8, kind: gptq, parent: sft, settings: {{bits: 8, calibration: [{{source: symbolic_local, n: 6}}]}}}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: {bits}, calibration: [{{source: symbolic_local, n: 6}}]}}}}
"""


@pytest.fixture
def small(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the small recipe with changes; return the status of each step by rung."""
    use_stand_ins(tmp_path, monkeypatch)

    def go(capsys: pytest.CaptureFixture[str], *, sft_seed: int = 0, bits: int = 4, n: int = 6, **options: object):
        recipe = tmp_path / "recipe.yaml"
        values = {"base": tiny_checkpoint, "output": "run", "sft_seed": sft_seed, "bits": bits, "n": n}
        recipe.write_text(RECIPE.format(**values))
        capsys.readouterr()
        run_recipe(recipe, **options)
        lines = re.findall(r"^\[\d/4\] (\S+) +(?:base|sft|gptq) +(.*)$", capsys.readouterr().out, re.MULTILINE)
        return {name: re.sub(r"^[\d.]+ s *", "", status) for name, status in lines}

    return go


NEW = {"base": "checkpoint", "sft": "", "gptq8": "", "gptq4": ""}
UNCHANGED = {"base": "checkpoint", "sft": "unchanged", "gptq8": "unchanged", "gptq4": "unchanged"}


@pytest.mark.slow
def test_a_second_run_makes_no_checkpoint_again(small, capsys, tmp_path):
    assert small(capsys) == NEW
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/checkpoints").glob("*/model.safetensors")}
    assert small(capsys) == UNCHANGED
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.slow
def test_a_changed_setting_redoes_only_its_stage(small, capsys):
    small(capsys)
    assert small(capsys, bits=3) == {**UNCHANGED, "gptq4": "(bits: 4 -> 3)"}


@pytest.mark.slow
def test_a_changed_parent_redoes_its_children(small, capsys):
    small(capsys)
    changed = "(its parent sft changed)"
    assert small(capsys, sft_seed=1) == {**UNCHANGED, "sft": "(seed: 0 -> 1)", "gptq8": changed, "gptq4": changed}


@pytest.mark.slow
def test_a_damaged_checkpoint_is_made_again_and_its_children_stay(small, capsys, tmp_path):
    small(capsys)
    (tmp_path / "run/checkpoints/sft/model.safetensors").write_bytes(b"\x00")
    assert small(capsys) == {**UNCHANGED, "sft": "(its files changed)"}


@pytest.mark.slow
def test_redo_makes_a_rung_again(small, capsys):
    small(capsys)
    assert small(capsys, redo=["gptq8"]) == {**UNCHANGED, "gptq8": "(requested)"}


def test_a_failed_stage_is_one_line_with_its_log_and_leaves_no_folder(small, capsys, tmp_path):
    with pytest.raises(StageError, match=r"^stage 'sft' failed: ValueError: an unlucky number \(log: .*sft\.log\)$"):
        small(capsys, sft_seed=13)
    assert [path.name for path in (tmp_path / "run/checkpoints").glob("[!.]*")] == ["base"]


@pytest.mark.slow
def test_a_killed_stage_leaves_no_complete_folder_and_the_next_run_makes_it(small, capsys, tmp_path):
    with pytest.raises(StageError, match="stage 'sft' failed: killed by signal 9"):
        small(capsys, sft_seed=9)
    assert not (tmp_path / "run/checkpoints/sft").exists()
    assert small(capsys) == NEW
    assert not list((tmp_path / "run/checkpoints").glob(".*.partial"))


@pytest.mark.slow
def test_missing_data_stops_the_ladder_before_anything_runs(tmp_path, tiny_checkpoint):
    recipe = write_recipe(tmp_path, MIXED, tiny_checkpoint)
    recipe.write_text(recipe.read_text().replace("source: symbolic_local, n: 6", "source: openbookqa, n: 9999", 1))
    with pytest.raises(DatasetError, match="4957 rows, and n is 9999; lower n"):
        run_recipe(recipe)
    assert not (tmp_path / "run/checkpoints").exists()


def mixed(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch, metric: str = "reward_accuracy") -> Path:
    """A recipe of several kinds over stand-in scripts; the reward accuracy of a point is its learning rate."""
    use_stand_ins(tmp_path, monkeypatch)
    return write_recipe(tmp_path, MIXED, base, metric)


@pytest.mark.slow
def test_a_ladder_continues_from_the_best_point_of_a_sweep(tmp_path, tiny_checkpoint, monkeypatch, capsys):
    result = run_recipe(mixed(tmp_path, tiny_checkpoint, monkeypatch))
    names = ["base", "adapter", "whole", "dpo-lr0.1", "dpo-lr0.9", "dpo-lr0.5", "gptq4"]
    assert [rung.name for rung in result.rungs] == names
    rungs = dict(zip(names, result.rungs, strict=True))
    assert rungs["gptq4"].manifest.parent.name == "dpo-lr0.9"
    assert "the best of dpo by reward_accuracy is dpo-lr0.9" in capsys.readouterr().out
    text = save_sweeps(result)
    assert "Best: **dpo-lr0.9**" in text
    assert (tmp_path / "run/sweep_dpo.md").read_text() == text
    assert (tmp_path / "run/sweep_dpo.csv").exists()


@pytest.mark.slow
def test_only_a_stage_on_an_adapter_gets_the_adapters_parent(tmp_path, tiny_checkpoint, monkeypatch, capsys):
    rungs = {rung.name: rung for rung in run_recipe(mixed(tmp_path, tiny_checkpoint, monkeypatch)).rungs}
    assert rungs["adapter"].manifest.adapter
    assert rungs["adapter"].adapter_base == tiny_checkpoint
    bases = {name: rung.manifest.metrics.get("parent_base") for name, rung in rungs.items()}
    assert bases.pop("whole") == tiny_checkpoint.name
    assert set(bases.values()) == {None}


@pytest.mark.slow
def test_a_recipe_without_evaluate_writes_and_announces_no_leaderboard_and_no_report(
    tmp_path, tiny_checkpoint, monkeypatch, capsys
):
    recipe = mixed(tmp_path, tiny_checkpoint, monkeypatch)
    assert main(["run", str(recipe), "--until", "whole"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith(f" s; no leaderboard and no report: {recipe} has no `evaluate` section")
    assert sorted(path.name for path in (tmp_path / "run").glob("[!.]*.*")) == ["training.md"]


@pytest.mark.slow
def test_a_criterion_that_no_manifest_has_stops_after_the_first_point(tmp_path, tiny_checkpoint, monkeypatch):
    with pytest.raises(
        ConfigError, match=r"'reward_acc': the manifest of dpo-lr0\.1 has no such figure; it has reward_acc"
    ):
        run_recipe(mixed(tmp_path, tiny_checkpoint, monkeypatch, "reward_acc"))
    assert not (tmp_path / "run/checkpoints/dpo-lr0.9").exists()


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("stage", "before"), [("adapter", "merge: false"), ("dpo", "trainer: {}")])
def test_a_misspelled_argument_of_any_stage_stops_the_ladder_before_anything_runs(
    tmp_path, tiny_checkpoint, monkeypatch, stage, before, jobs
):
    recipe = mixed(tmp_path, tiny_checkpoint, monkeypatch)
    recipe.write_text(recipe.read_text().replace(before, "trainer: {learning_rat: 1}"))
    message = rf"stage 'settings' failed: check.py: {stage}\S*: trainer: unknown key 'learning_rat'"
    recipe.write_text(
        re.sub(r"  - .name: whole.*\n", "", recipe.read_text()).replace("parent: whole", "parent: adapter")
    )
    with pytest.raises(StageError, match=message):
        run_recipe(with_jobs(read_recipe(recipe), jobs))
    assert not (tmp_path / "run/checkpoints").exists()
    assert not (tmp_path / "run/evaluations").exists()


@pytest.mark.slow
def test_the_real_stages_run_and_are_evaluated_and_a_second_run_keeps_them(tmp_path, tiny_checkpoint, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""
name: real
base: {tiny_checkpoint}
threads: 1
stages:
  - name: sft
    kind: sft
    parent: base
    settings: {{data: [{{source: epfl, path: {TRAIN}, n: 40, style: cloze}}], trainer: {{max_steps: 2, logging_steps: 1}}}}
  - name: gptq4
    kind: gptq
    parent: sft
    settings: {{bits: 4, group_size: 32, calibration: [{{source: epfl, path: {TRAIN}, n: 40, style: cloze}}]}}
evaluate:
  - {{tasks: [mcqa_epfl], limit: 4, metadata: {{epfl_file: {TEST}}}}}
""")
    result = run_recipe(recipe, tmp_path / "run")
    for rung in result.rungs[1:]:  # questions share a small table of facts
        left_out = rung.manifest.left_out
        assert 0 < left_out.n < 40 == left_out.n + left_out.remaining
    assert [rung.name for rung in result.rungs] == ["base", "sft", "gptq4"]
    for rung in result.rungs:
        assert list(rung.evaluation.rglob("results_*.json"))
        assert rung.record["tokens_per_second"] > 0
    bits = [rung.manifest.size.bits_per_weight for rung in result.rungs]
    assert bits[:2] == [32, 16]  # the base as it is
    assert bits[2] < 16
    capsys.readouterr()
    assert run_recipe(recipe, tmp_path / "run").rungs[1:] == result.rungs[1:]
    assert capsys.readouterr().out.count("unchanged") == 5
    assert main(["run", str(recipe), "--output", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-2:] == [
        f"report: {tmp_path}/run/report.html",
        f"leaderboard: {tmp_path}/run/leaderboard.md",
    ]
    assert printed.count("|---|") == 1  # one table
    for rung in ("sft", "gptq4"):
        card = (tmp_path / "run" / "checkpoints" / rung / "README.md").read_text()
        assert "| benchmark | questions | parent % | this model % |" in card
    assert {"leaderboard.md", "leaderboard.csv", "report.html"} <= {path.name for path in (tmp_path / "run").iterdir()}


@pytest.mark.parametrize(
    ("evaluate", "words"),
    [
        ("- {tasks: [mcqa_epfll]}", r"evaluate\[0\]: unknown task 'mcqa_epfll': did you mean"),
        ("- {tasks: [mcqa_epfl], limit: -3}", r"evaluate\[0\]: limit: -3"),
        ("- {tasks: []}", r"evaluate\[0\]: tasks: empty"),
    ],
)
def test_a_mistake_in_the_plan_stops_the_ladder_before_anything_is_made(tmp_path, tiny_checkpoint, evaluate, words):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"name: x\nbase: {tiny_checkpoint}\noutput: run\nevaluate:\n  {evaluate}\n")
    with pytest.raises(ConfigError, match=words):
        run_recipe(recipe)
    assert not (tmp_path / "run").exists()
