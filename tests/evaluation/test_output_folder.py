"""`mcqa eval` writes results and samples to runs/<model name>, and names the command that compares them."""

from __future__ import annotations

import json
import os

import pytest

from mcqa_suite.cli.main import main
from mcqa_suite.evaluation.launch import read_command
from mcqa_suite.evaluation.output_folder import closing_lines, saved_by_default


def saved(*words):
    return saved_by_default(read_command(["run", *words])[1])


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["--model_args", "pretrained=Qwen/Qwen3-0.6B"], "runs/Qwen3-0.6B"),
        (["--model_args", "pretrained=checkpoints/sft/"], "runs/sft"),
        (["--model_args", "pretrained=base,peft=checkpoints/adapter"], "runs/adapter"),
        (["--model_args", "pretrained=a/b,load_in_4bit=True,revision=x/y"], "runs/b-revision-x-y-load_in_4bit"),
        (["--model", "local-completions", "--model_args", "model=org/m,base_url=http://h:1/v1"], "runs/m"),
        (["--model", "dummy"], "runs/dummy"),
    ],
)
def test_the_folder_has_the_name_of_the_model(words, folder):
    assert saved(*words) == {"log_samples": True, "output_path": folder}


def test_what_a_flag_or_the_configuration_file_says_stays(tmp_path):
    file = tmp_path / "eval.yaml"
    file.write_text("model_args: pretrained=a/b\noutput_path: there\nlog_samples: false\n", encoding="utf-8")
    assert saved("--config", str(file)) == {"output_path": "there"}
    assert saved("--config", str(file), "-o", "here", "-s") == {"output_path": "here"}
    assert saved("--model", "dummy", "--output_path", "here") == {"log_samples": True, "output_path": "here"}
    assert saved("--hf_hub_log_args", "output_path=hub") == {"log_samples": True, "output_path": "hub"}


def results(folder, *tasks, day=1):
    folder.mkdir(parents=True)
    content = json.dumps({"results": {}, "configs": {task: {} for task in tasks}})
    (folder / f"results_2026-01-0{day}T00-00-00.000000.json").write_text(content, encoding="utf-8")


def test_the_command_compares_with_the_oldest_run_beside_it_that_has_the_same_tasks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results(tmp_path / "runs/mine/org__mine", "a", day=5)
    expected = "compare, after an evaluation of another model on these tasks: mcqa compare runs/OTHER runs/mine"
    assert closing_lines("runs/mine") == ["results and samples: runs/mine", expected]
    results(tmp_path / "runs/of other tasks/m", "b")
    (tmp_path / "runs/notes").mkdir()
    assert closing_lines("runs/mine")[1] == expected
    results(tmp_path / "runs/sft", "a", "b", day=4)
    results(tmp_path / "runs/the base/m", "b", "a", day=3)
    assert closing_lines("runs/mine")[1] == "compare: mcqa compare 'runs/the base' runs/mine"
    (tmp_path / "runs/the base/m/results_2026-01-03T00-00-00.000000.json").write_text("{", encoding="utf-8")
    assert closing_lines("runs/mine")[1] == "compare: mcqa compare runs/sft runs/mine"


@pytest.mark.slow
def test_two_evaluations_can_be_compared_by_the_command_that_the_second_ends_with(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ["eval", "--model", "dummy", "--tasks", "mcqa_epfl", "--limit", "40"]
    assert main([*words, "--output_path", "runs/base"]) == 0
    assert main(words) == main(words) == 0
    assert len(list((tmp_path / "runs/dummy").rglob("results_*.json"))) == 2  # nothing is overwritten
    shown = capfd.readouterr()
    assert "fatal" not in shown.err  # git, outside a repository
    assert shown.out.splitlines()[-2] == "results and samples: runs/dummy"
    command = shown.out.splitlines()[-1].removeprefix("compare: mcqa ").split()
    assert command == ["compare", "runs/base", "runs/dummy"]
    assert main(command) in (0, 2)  # a model of random numbers may fail a check
    assert "| mcqa_epfl | dummy | 40 |" in capfd.readouterr().out


def test_what_lies_beside_a_run_and_cannot_be_read_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in (
        ("mine", '{"configs": {"t": {}}}'),
        ("deep", "[" * 100_000),
        ("cut", '{"configs"'),
        ("list", "[]"),
    ):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "results_2026-01-01T00-00-00.000000.json").write_text(content, encoding="utf-8")
    (tmp_path / "runs" / "pipe").mkdir()
    os.mkfifo(tmp_path / "runs" / "pipe" / "results_2026-01-01T00-00-00.000000.json")
    assert closing_lines("runs/mine")[1].startswith("compare, after an evaluation of another model")
