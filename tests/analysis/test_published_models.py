"""Published scores in a leaderboard: below the runs, with their source, without interval, rank or test."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from helpers.comparison_runs import groups_of
from helpers.ladder_runs import ladder
from helpers.locations import REPOSITORY

import mcqa_suite
from mcqa_suite.analysis.leaderboard.published import read_published
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import read_manifest, write_manifest
from mcqa_suite.harness.tasks import listed

TEXT = """\
source: a paper
models:
  - {model: theirs, scores: {stem: 71.5, elsewhere: 3}}
  - {model: other, scores: {elsewhere: 4}, source: a blog}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "published.yaml"
    path.write_text(TEXT)
    return path


def test_a_published_score_stands_below_the_runs_with_its_source(tmp_path, file, capsys):
    (base, variant), _, _ = groups_of(tmp_path)
    assert main(["table", str(base), str(variant), "--reference", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    [row] = [line for line in lines if line.startswith("| theirs (published)")]
    assert [cell.strip() for cell in row.split("|")[2:5]] == ["", "71.5", ""]  # no rank, no interval, no mean
    assert [line.split("|")[2].strip() for line in lines if line.startswith(("| base |", "| gptq |"))] != ["", ""]
    assert "Published, as it stands there, without interval, rank or test: theirs: a paper." in lines
    assert "Published, but not of these tasks: other." in lines
    assert not [line for line in lines if "a blog" in line or line.startswith("| other")]


def test_the_csv_has_its_value_and_source_and_nothing_else(tmp_path, file):
    (base, variant), _, _ = groups_of(tmp_path)
    text = mcqa_suite.leaderboard([base, variant], reference=file).text("csv")
    [row] = [row for row in csv.DictReader(io.StringIO(text)) if row["model"] == "theirs (published)"]
    assert (row["task"], row["value"], row["source"]) == ("stem", "0.715", "a paper")
    assert [row[key] for key in ("low", "high", "n", "rank")] == [""] * 4


@pytest.fixture
def with_pairs(tmp_path):
    """A base and a DPO checkpoint that kept 40 pairs from training; a file with another model's reward accuracy."""
    runs = ladder(tmp_path, ("base", "dpo"))
    metrics = {"reward_accuracy": 0.7, "reward_accuracy_low": 0.55, "reward_accuracy_high": 0.8, "held_out_pairs": 40}
    dpo = tmp_path / "checkpoints" / "dpo"
    write_manifest(dpo, replace(read_manifest(dpo), metrics=metrics))
    path = tmp_path / "published.yaml"
    path.write_text("source: a paper\nmodels: [{model: theirs, reward_accuracy: 66}]\n")
    return [runs["base"], runs["dpo"]], path


def test_a_published_reward_accuracy_stands_beside_that_of_the_runs(with_pairs):
    runs, path = with_pairs
    lines = mcqa_suite.leaderboard(runs, reference=path).text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
    index = rows[0].index("reward accuracy %")
    values = {row[0]: row[index] for row in rows}
    assert (values["base"], values["dpo"], values["theirs (published)"]) == ("", "70.0 ± 12.5", "66.0")
    assert any(line.startswith("Reward accuracy %: each model's on pairs of its own") for line in lines)
    assert "reward accuracy" not in mcqa_suite.leaderboard(runs).text()  # nothing to compare it with


def test_the_csv_has_reward_accuracies_as_fractions(with_pairs):
    runs, path = with_pairs
    result = mcqa_suite.leaderboard(runs, reference=path)
    rows = [row for row in csv.DictReader(io.StringIO(result.text("csv"))) if row["metric"] == "reward_accuracy"]
    keys = ("model", "task", "value", "low", "high", "n", "source")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("dpo", "reward accuracy", "0.7", "0.55", "0.8", "40", ""),
        ("theirs (published)", "reward accuracy", "0.66", "", "", "", "a paper"),
    ]
    assert "0.7000" in result._repr_html_()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("models: [{model: a, scores: {t: 5}}]", "model 'a': no source; say where the scores were published"),
        ("models: []\nsource: x", "models"),
        ("source: x\nmodels: [{model: a, scores: {t: 101}}]", "100"),
        ("source: x\nmodels: [{model: a, score: {t: 1}}]", "'score'"),
        ("source: x\nmodels: [{model: a}]", "model 'a': no score; give 'scores' or 'reward_accuracy'"),
        ("", "expected a mapping of keys to values"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line(tmp_path, text, reason):
    path = tmp_path / "published.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"{path}: .*{reason}") as error:
        read_published(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "results" / "reference").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_files_of_this_project_name_tasks_that_exist(path):
    models = read_published(path)
    assert {task for model in models for task in model.scores} <= set(listed())
