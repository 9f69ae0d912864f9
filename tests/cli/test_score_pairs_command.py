"""`mcqa score-pairs`: the rewards of a checkpoint on a file of pairs."""

from __future__ import annotations

import json
import shutil

import pytest
from helpers.checkpoints import as_stage
from helpers.stage_settings import PAIRS, held_out, with_trainer
from helpers.training_scripts import default_warnings, run_stage

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common.manifest import content_hash, read_manifest
from mcqa_suite.training_data.sources import PairSource, rows

pytestmark = default_warnings
LINES = [
    {"prompt": "How many legs has a cat?", "chosen": " four", "rejected": " six"},
    {"prompt": "How many legs has a cat?", "chosen": " 4", "rejected": " eight hundred"},
    {"prompt": "What is red?", "chosen": " a rose", "rejected": " the sky"},
]


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return str(path)


def test_the_same_weights_as_the_reference_have_only_ties(tiny_checkpoint, tmp_path, pairs, capsys):
    checkpoint = as_stage(tiny_checkpoint, tmp_path / "sft")
    scores = tmp_path / "scores.jsonl"
    command = ["score-pairs", str(checkpoint), pairs, "--reference", str(tiny_checkpoint), "--beta", "0.5"]
    assert main([*command, "--format", "json", "-o", str(scores)]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["reward_accuracy"], record["reward_ties"], record["reward_margin"]) == (0, 3, 0)
    assert record["held_out_questions"] == 2  # two pairs have the same prompt
    assert record["scored_by"] == f"0.5 x gain over {tiny_checkpoint}"
    assert [json.loads(line)["chosen"] for line in scores.read_text().splitlines()] == [0, 0, 0]


def test_without_a_reference_the_log_probability_decides(tiny_checkpoint, pairs):
    result = mcqa_suite.score_pairs(tiny_checkpoint, pairs, reference="none", chat_template=False)
    frame = result.to_frame()
    assert (frame[["chosen", "rejected"]] < 0).all(axis=None)
    assert result.metrics["reward_accuracy"] == (frame["chosen"] > frame["rejected"]).mean()
    assert result.scored_by == "log-probability"


@pytest.mark.slow
def test_the_parent_beside_a_checkpoint_is_its_reference_and_gives_the_rewards_of_the_training(
    tiny_checkpoint, tmp_path
):
    base = as_stage(tiny_checkpoint, tmp_path / "base")
    folder = run_stage("dpo", with_trainer(PAIRS, beta=0.5), base, tmp_path / "dpo")
    by_training = {row["id"]: row for row in held_out(folder)}
    lines = [row for row in rows(PairSource(**PAIRS["data"][0])) if row["id"] in by_training]
    file = tmp_path / "held_out.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = mcqa_suite.score_pairs(folder, file, beta=0.5)
    assert result.scored_by == f"0.5 x gain over {base}"
    for pair in result.pairs:
        assert pair.chosen == pytest.approx(by_training[pair.id]["chosen"], abs=1e-3)
    accuracy = read_manifest(folder).metrics["reward_accuracy"]
    assert result.metrics["reward_accuracy"] == accuracy


@pytest.mark.slow
def test_a_reward_model_needs_no_reference(tiny_checkpoint, tmp_path, pairs):
    data = {**PAIRS, "data": [{"source": "evaluator", "path": pairs}], "held_out": 0.5}
    folder = run_stage("reward", data, tiny_checkpoint, tmp_path / "reward")
    scored = {pair.id: pair.chosen for pair in mcqa_suite.score_pairs(folder, pairs).pairs}
    assert [scored[row["id"]] for row in held_out(folder)] == pytest.approx([row["chosen"] for row in held_out(folder)])


def refused(capsys, *words):
    assert main(["score-pairs", *map(str, words)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_a_checkpoint_without_a_reference_is_one_line(tiny_checkpoint, tmp_path, pairs, capsys):
    alone = as_stage(tiny_checkpoint, tmp_path / "alone")
    line = f"mcqa: {alone}: no reference: the folder of its parent is not beside it; give --reference FOLDER, or"
    assert refused(capsys, alone, pairs).startswith(line)
    other = tmp_path / "base"  # the right name, other weights
    shutil.copytree(tiny_checkpoint, other)
    assert refused(capsys, alone, pairs).startswith(line)
    assert content_hash(other)
    assert refused(capsys, "runs/nothing", pairs).startswith(
        "mcqa: runs/nothing: no reference: there is no such folder;"
    )
    assert refused(capsys, pairs, pairs).startswith(f"mcqa: {pairs}: no such folder; give another one")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no rows; expected one JSON object a line"),
        ('{"prompt": "p", "chosen": "c"}\n', "pairs.jsonl:1: "),
        ('{"prompt": "' + "cat " * 600 + '", "chosen": " a", "rejected": " b"}\n', "do not fit the model's context"),
    ],
)
def test_a_file_without_pairs_or_with_one_too_long_is_one_line(tiny_checkpoint, tmp_path, capsys, content, reason):
    path = tmp_path / "pairs.jsonl"
    path.write_text(content)
    assert reason in refused(capsys, tiny_checkpoint, path, "--reference", "none")


def test_a_checkpoint_that_does_not_exist_is_one_line(tmp_path, pairs, capsys):
    assert str(tmp_path / "nothing") in refused(capsys, tmp_path / "nothing", pairs, "--reference", "none")
