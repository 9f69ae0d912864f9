"""Folders of several models, and of results of other tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.foreign_logs import results, run_in
from helpers.log_files import choice_rows, questions, write_run

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.logs.runs import read_run

OTHER_FORMS = {
    "evalchemy": (
        {"results": {"AIME24": {"accuracy_avg": 0.1}}, "config": {}, "model_name": "m/a"},
        "another tool, such as evalchemy",
    ),
    "lm_eval 0.3": (
        {"results": {"arc": {"acc": 0.1, "acc_stderr": 0.01}}, "versions": {"arc": 0}, "config": {"model": "hf"}},
        "results of lm_eval 0.3, which does not record",
    ),
}


@pytest.mark.parametrize("name", OTHER_FORMS)
def test_results_of_another_form_are_named_and_passed_over_beside_whole_ones(tmp_path, name, capsys):
    content, words = OTHER_FORMS[name]
    folder = run_in(tmp_path / "run")
    for stamp in ("2025-12-01T00-00-00.000000", "2026-12-01T00-00-00.000000"):
        (folder / f"results_{stamp}.json").write_text(json.dumps(content), encoding="utf-8")
    run = read_run(folder)
    assert run.tasks["arc", "none"].n == 12
    assert all(note.startswith("passed over: ") and words in note for note in run.notes)
    assert len(run.notes) == 2
    assert main(["report", str(folder), "-o", str(tmp_path / "r.html")]) == 0
    assert main(["table", str(folder)]) == 0
    assert words in capsys.readouterr().out
    results(folder).unlink()
    assert main(["table", str(folder)]) == 2
    assert f"{words}" in (error := capsys.readouterr().err)
    assert "give results of lm_eval 0.4.0 or newer" in error


def nested(folder: Path) -> Path:
    for noise, name in enumerate(("base", "sft", "gptq")):
        args = "pretrained=org/base" + ("" if name == "base" else f",peft=out/{name}")
        config = {"model": "hf", "model_args": args}
        run_in(folder / name / "org__base", config=config, model="org/base", noise=noise)
    return folder


def test_a_folder_of_several_models_is_all_of_them(tmp_path, capsys):
    folder = nested(tmp_path / "runs")
    assert main(["table", str(folder), "--format", "csv"]) == 0
    models = {line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]}
    assert models == {"base", "gptq", "sft"}
    assert main(["compare", str(folder / "base"), str(folder), "--format", "json"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    assert comparison["base"] == "base"
    assert "gptq" in json.dumps(comparison)
    variants = mcqa_suite.compare(folder / "base", f"mine={folder}").to_frame()["variant"].unique().tolist()
    assert variants == ["mine gptq", "mine sft"]
    assert main(["report", str(folder), "--base", str(folder / "base"), "-o", str(tmp_path / "r.html")]) == 0


def test_a_base_must_be_one_run(tmp_path, capsys):
    folder = tmp_path / "runs"
    for name in ("a", "b"):
        run_in(folder / name, model=name)
    assert main(["compare", str(folder / "a"), "--base", str(folder)]) == 2
    assert "several models (a and b); give one of" in capsys.readouterr().err


def test_two_runs_in_one_folder_among_others_are_offered_by_their_stamps(tmp_path, capsys):
    folder = tmp_path / "runs"
    run_in(folder / "one", model="one")
    for model, day in (("two", "01"), ("three", "03")):
        run_in(folder / "both", model=model, stamp=f"2026-01-{day}T00-00-00.000000")
    assert main(["table", str(folder)]) == 2
    shown = capsys.readouterr()
    assert "| one " in shown.out
    assert f"{folder}/both@2026-01-03T00-00-00.000000" in shown.err


def test_a_task_in_two_folders_is_of_two_runs_of_one_model(tmp_path, capsys):
    for noise, name in enumerate(("batch_1", "batch_8")):
        run_in(tmp_path / "runs" / name, noise=noise)
    assert main(["table", str(tmp_path / "runs"), "--format", "csv"]) == 0
    assert {line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]} == {"batch_1", "batch_8"}


def test_folders_of_one_model_side_by_side_are_one_run(tmp_path, capsys):
    for task in ("arc", "mmlu"):
        write_run(tmp_path / "runs" / task, {task: choice_rows(task, *questions(8))})
    assert main(["table", str(tmp_path / "runs"), "--format", "csv"]) == 0
    assert {line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]} == {"runs"}
