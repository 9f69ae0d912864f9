"""`mcqa evaluator`: EPFL's metrics.json from a file that names a checkpoint, questions, pairs and quantised folders."""

from __future__ import annotations

import json

import pytest
from helpers.checkpoints import as_stage
from helpers.locations import TRAIN
from helpers.training_scripts import default_warnings

from mcqa_suite.cli.main import main
from mcqa_suite.common.manifest import content_hash
from mcqa_suite.logs.runs import read_run

pytestmark = default_warnings


@pytest.fixture
def folder(tiny_checkpoint, tmp_path):
    as_stage(tiny_checkpoint, tmp_path / "base")
    content = content_hash(tmp_path / "base")
    for name in ("dpo", "gptq4"):
        as_stage(tiny_checkpoint, tmp_path / name, parent=content)
    pairs = [{"prompt": "What is red?", "chosen": " a rose", "rejected": " the sky"}]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (tmp_path / "questions.jsonl").write_bytes(TRAIN.read_bytes())
    return tmp_path


def run(folder, text, *words):
    (folder / "evaluator.yaml").write_text(text)
    paths = ["-o", str(folder / "metrics.json"), "--logs", str(folder / "logs")]
    return main(["evaluator", str(folder / "evaluator.yaml"), *paths, *words])


@pytest.mark.slow
def test_all_figures_are_in_one_file(folder, capsys):
    text = "checkpoint: dpo\npairs: pairs.jsonl\nquestions: questions.jsonl\nquantised: [gptq4]\nlimit: 8\n"
    assert run(folder, text) == 0
    metrics = json.loads((folder / "metrics.json").read_text())
    logged = read_run(folder / "logs/dpo").tasks["mcqa_epfl", "none"].samples.scores["acc"]
    assert metrics["policy_accuracy"] == logged.mean()
    assert (metrics["questions"], metrics["pairs"], metrics["reward_accuracy"]) == (8, 1, 0)
    assert metrics["model_size"] == metrics["quantised"]["gptq4"]["model_size"] > 0
    assert metrics["quantised"]["gptq4"]["policy_accuracy"] == metrics["policy_accuracy"]
    low, high = metrics["policy_accuracy_interval"]
    assert low <= metrics["policy_accuracy"] <= high
    out = capsys.readouterr().out
    assert "| dpo |" in out
    assert str(folder / "metrics.json") in out


def test_pairs_alone_need_no_questions(folder, capsys):
    assert run(folder, "checkpoint: dpo\npairs: pairs.jsonl\n", "--format", "json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((folder / "metrics.json").read_text())
    assert "policy_accuracy" not in printed
    assert not (folder / "logs").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("checkpoint: dpo\n", "neither questions nor pairs; give at least one of them"),
        ("checkpoint: dpo\npair: x\n", "'pair'"),
        ("checkpoint: dpo\npairs: nothing.jsonl\n", "nothing.jsonl: No such file or directory"),
        ("checkpoint: base\npairs: pairs.jsonl\n", "no reference: the folder of its parent is not beside it"),
        ("checkpoint: dpo\nquestions: nothing.jsonl\n", "nothing.jsonl"),
        ("checkpoint: dpo\npairs: pairs.jsonl\nquestions: pairs.jsonl\n", "pairs.jsonl:1: no 'question'"),
        ("checkpoint: dpo\npairs: pairs.jsonl\nquantised: [nothing]\n", "nothing: no such checkpoint"),
        ("checkpoint: dpo\npairs: pairs.jsonl\nquantised: [dpo/../dpo]\n", "two checkpoints are called 'dpo'"),
        ("checkpoint: dpo\npairs: pairs.jsonl\nreference: pairs.jsonl\n", "pairs.jsonl: no such"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_writes_nothing(folder, capsys, text, reason):
    assert run(folder, text) == 2
    captured = capsys.readouterr()
    assert reason in captured.err.splitlines()[-1]
    assert "scoring" not in captured.err  # the bar of what takes long
    assert not (folder / "metrics.json").exists()
