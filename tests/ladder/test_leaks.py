"""Rows that hold questions of the evaluation: left out by default, refused, or allowed."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from helpers.stage_scripts import use_stand_ins

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import Manifest, read_manifest, write_manifest
from mcqa_suite.common.paths import tasks_dir
from mcqa_suite.ladder import stages
from mcqa_suite.ladder.audit import evaluation_items, stage_rows
from mcqa_suite.ladder.context import LadderContext
from mcqa_suite.ladder.leaks import check_rows
from mcqa_suite.ladder.questions import load_tasks
from mcqa_suite.ladder.recipe import Recipe, read_recipe
from mcqa_suite.ladder.stage_settings import parse_settings, read_rows, read_settings
from mcqa_suite.ladder.steps import steps_of
from mcqa_suite.training_data.audit import audit

RECIPE = """
name: leaky
base: {base}
leaks: {leaks}
stages:
  - name: sft
    kind: sft
    parent: base
    settings: {{data: [{{source: epfl, path: rows.jsonl}}, {{source: epfl, path: more.jsonl}}]}}
  - {{name: gptq4, kind: gptq, parent: sft, settings: {{bits: 4, calibration: [{{source: epfl, path: rows.jsonl}}]}}}}
  - {{name: gptq8, kind: gptq, parent: sft, settings: {{bits: 8, calibration: [{{source: epfl, path: rows.jsonl}}]}}}}
evaluate:
  - {{tasks: [mcqa_epfl, mcqa_epfl_cloze], limit: 1, metadata: {{epfl_file: exam.jsonl}}}}
"""
LINES = (tasks_dir() / "epfl/sample.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
EXAM, LEAKS = LINES[:40], LINES[20:23]


@pytest.fixture
def project(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recipe whose rows hold three of the evaluated questions, and stand-in scripts run in this process."""
    write(tmp_path, exam=EXAM, rows=[*LINES[60:67], *LEAKS], more=LINES[70:75])
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(base=tiny_checkpoint, leaks="drop"))

    def run_script(context: LadderContext, command: list[str], step: object) -> None:
        monkeypatch.setattr(sys, "argv", command)
        runpy.run_path(command[0], run_name="__main__")

    use_stand_ins(tmp_path, monkeypatch)
    monkeypatch.setattr(LadderContext, "run_script", run_script)
    return tmp_path


def write(folder: Path, **files: list[str]) -> None:
    for name, lines in files.items():
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def edit(project: Path, before: str, now: str) -> None:
    path = project / "recipe.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, now))


def checked(project: Path) -> tuple[Recipe, dict]:
    recipe = read_recipe(project / "recipe.yaml")
    return recipe, check_rows(recipe, load_tasks(recipe), project)


def made(project: Path) -> dict[str, str]:
    """Make every checkpoint; the reason why, by stage."""
    recipe, data = checked(project)
    context = LadderContext(recipe, project, (), 9)
    rungs, reasons = {"base": stages.record_base(context)}, {}
    for step in steps_of(recipe):
        if stage := step.stage:
            result = stages.make(context, step, stage, rungs[stage.parent], data[stage.name])
            rungs[stage.name] = result.rung
            reasons[stage.name] = re.sub(r"^ *[\d.]+ s *", "", result.status)
    return reasons


def manifest(project: Path, stage: str) -> Manifest:
    return read_manifest(project / "checkpoints" / stage)


def seen(project: Path, stage: str) -> list[str]:
    return json.loads((project / "checkpoints" / stage / "made.json").read_text())[1]


def ids(project: Path) -> dict[str, list[str]]:
    """The ids of all rows of each stage."""
    recipe = read_recipe(project / "recipe.yaml")
    return {stage.name: [row["id"] for row in group.rows] for group in stage_rows(recipe) for stage in group.stages}


def test_rows_that_hold_evaluated_questions_are_left_out_of_training_and_calibration(project, capsys):
    assert made(project) == {"sft": "", "gptq4": "", "gptq8": ""}
    rows = ids(project)
    assert seen(project, "sft") == [*rows["sft"][:7], *rows["sft"][10:]]
    assert seen(project, "gptq4") == seen(project, "gptq8") == rows["gptq4"][:7]
    sft, gptq4 = manifest(project, "sft").left_out, manifest(project, "gptq4").left_out
    assert (sft.n, sft.remaining, gptq4.n, gptq4.remaining) == (3, 12, 3, 7)
    assert sft.sha256 == gptq4.sha256
    assert [data.n for data in manifest(project, "sft").data] == [10, 5]
    out = capsys.readouterr().out
    assert "    sft: 3 of 15 training rows hold questions of mcqa_epfl, mcqa_epfl_cloze: left out\n" in out
    assert (
        "    gptq4 and 1 more: 3 of 10 calibration rows hold questions of mcqa_epfl, mcqa_epfl_cloze: left out\n" in out
    )


def test_a_second_audit_of_the_rows_that_were_seen_finds_no_leak(project):
    recipe, data = checked(project)
    items = evaluation_items(load_tasks(recipe))
    for group in stage_rows(recipe):
        assert audit(group.rows, items).leaks
        out = data[group.stages[0].name].leave_out.rows
        assert not audit([row for number, row in enumerate(group.rows) if number not in out], items).leaks


def test_the_audit_lists_each_row_that_is_left_out_with_its_item_kind_and_tasks(project):
    checked(project)
    text = (project / "audits/sft.md").read_text()
    rows = ids(project)["sft"]
    for row in rows[7:10]:
        assert re.search(
            rf"^\| {re.escape(row)} \| \S+ \| question \| mcqa_epfl, mcqa_epfl_cloze \|$", text, re.MULTILINE
        )
    assert f"| {rows[0]} |" not in text
    assert "3 of 15 rows are left out, 12 are seen; in these, a second audit finds no leak." in text


@pytest.mark.slow
def test_a_changed_set_of_rows_makes_the_stage_again_and_an_unchanged_one_does_not(project):
    made(project)
    assert set(made(project).values()) == {"unchanged"}
    write(project, exam=[*EXAM[:20], *LINES[21:40], *LINES[90:95]])  # other questions, of which the rows hold two
    changed = "(training rows left out: 3 -> 2)"
    assert made(project) | {"gptq4": "", "gptq8": ""} == {"sft": changed, "gptq4": "", "gptq8": ""}
    write(project, exam=[*LINES[21:40], *LINES[95:99]])
    assert set(made(project).values()) == {"unchanged"}
    write(project, exam=LINES[20:22])
    assert made(project)["sft"] == "(other training rows left out (2))"
    write(project, exam=LINES[90:99])
    assert made(project)["sft"] == "(training rows left out: 2 -> 0)"
    assert manifest(project, "sft").left_out is None
    assert len(seen(project, "sft")) == 15


def test_the_rule_itself_is_no_reason_to_make_a_stage_again(project):
    write(project, rows=LINES[60:67])
    made(project)
    edit(project, "leaks: drop", "leaks: stop")
    assert set(made(project).values()) == {"unchanged"}


def test_allowed_leaks_stay_are_printed_and_written(project, capsys):
    edit(project, "leaks: drop", "leaks: allow")
    made(project)
    assert len(seen(project, "sft")) == 15
    assert re.search(
        r"    sft: 3 of 40 items of mcqa_epfl, 3 of 40 items of mcqa_epfl_cloze are in its training rows, such as item \S+ "
        r"in row \S+ \(question\): allowed \(leaks: allow\)\n",
        capsys.readouterr().out,
    )
    assert "Allowed by the stage's settings" in (project / "audits/sft.md").read_text()
    edit(project, "leaks: allow", "leaks: drop")
    assert made(project)["sft"] == "(training rows left out: 0 -> 3)"


def test_leaks_stop_a_run_before_anything_is_made(project, capsys):
    edit(project, "leaks: drop", "leaks: stop")
    assert main(["run", str(project / "recipe.yaml"), "--output", str(project / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(
        r"recipe\.yaml: stage sft: 3 of 40 items of mcqa_epfl, .*; set leaks: drop to leave such rows out", line
    )
    assert not (project / "run/checkpoints").exists()
    assert "Leak" in (project / "run/audits/sft.md").read_text()


def test_the_setting_of_a_stage_wins_over_that_of_the_recipe(project):
    edit(project, "bits: 8,", "bits: 8, leaks: allow,")
    _, data = checked(project)
    assert [len(data[name].leave_out.rows) for name in ("sft", "gptq4")] == [3, 3]
    assert data["gptq8"].leave_out is None


@pytest.mark.parametrize(("old", "rule"), [("true", "allow"), ("false", "stop")])
def test_the_old_key_is_read_also_where_it_overrides_a_file(project, old, rule):
    edit(project, "{bits: 8,", "{allow_leaks: " + old + ", bits: 8,")
    (project / "four.yaml").write_text("leaks: drop\ncalibration: [{source: epfl, path: rows.jsonl}]\n")
    entry = "settings: {bits: 4, calibration: [{source: epfl, path: rows.jsonl}]}"
    edit(project, entry, f"config: four.yaml, settings: {{bits: 4, allow_leaks: {old}}}")
    assert [stage.settings.leaks for stage in read_recipe(project / "recipe.yaml").stages] == ["drop", rule, rule]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("leaks: drop, allow_leaks: true", "both 'leaks' and 'allow_leaks'; keep only leaks: drop, stop or allow"),
        ("allow_leaks: maybe", "allow_leaks: 'maybe'; write leaks: drop, stop or allow"),
        ("leaks: keep", "leaks"),
        ("leave_out: rows.json", "leave_out is not for recipes"),
    ],
)
def test_a_wrong_rule_is_one_line(project, keys, words):
    edit(project, "{bits: 8,", "{" + keys + ", bits: 8,")
    with pytest.raises(ConfigError, match=words) as caught:
        read_recipe(project / "recipe.yaml")
    assert re.search(r"recipe\.yaml: stages\[2\]: settings: ", str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_source_of_which_no_row_is_left_is_one_line(project):
    write(project, more=LEAKS)
    with pytest.raises(
        DatasetError, match=r"recipe\.yaml: stage sft: all 3 rows of source 'epfl' hold questions"
    ) as caught:
        checked(project)
    assert "\n" not in str(caught.value)


def test_rows_stay_left_out_while_questions_cannot_be_loaded(project, capsys):
    edit(project, "limit: 1,", "limit: 1, optional: true,")
    made(project)
    edit(project, "epfl_file: exam.jsonl", "data: nowhere")
    edit(project, "tasks: [mcqa_epfl, mcqa_epfl_cloze]", "tasks: [mcqa_gpqa_main]")
    capsys.readouterr()
    assert set(made(project).values()) == {"unchanged"}
    out = capsys.readouterr().out
    assert "    not audited: " in out
    assert "    sft: 3 of 15 training rows hold questions of the evaluation: left out\n" in out
    assert "by an earlier run" in (project / "audits/sft.md").read_text()


def test_a_list_of_other_rows_is_refused(project):
    made(project)
    settings = read_settings("sft", project / "configs/sft.yaml")
    assert len(read_rows(settings)[0]) == 12
    write(project, rows=[*LINES[61:68], *LEAKS])
    with pytest.raises(DatasetError, match=r"sft\.leave_out\.json: made for other rows than the data has now"):
        read_rows(settings)
    (project / "configs/sft.leave_out.json").unlink()
    with pytest.raises(ConfigError, match=r"leave_out: .*No such file"):
        read_rows(settings)


def test_settings_without_a_list_train_on_all_rows(project):
    data = {"data": [{"source": "epfl", "path": "rows.jsonl"}]}
    assert len(read_rows(parse_settings("sft", data, "x", project))[0]) == 10


def test_the_manifest_of_an_older_version_is_that_of_an_unchanged_stage(project):
    edit(project, "leaks: drop", "leaks: allow")
    made(project)
    old = manifest(project, "sft")
    old.settings["allow_leaks"] = True
    write_manifest(project / "checkpoints/sft", old)
    assert made(project)["sft"] == "unchanged"
