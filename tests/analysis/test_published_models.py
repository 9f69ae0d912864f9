"""Published scores in a leaderboard: below the runs, with their source, without interval, rank or test."""

from __future__ import annotations

import csv
import io

import pytest
from helpers.comparison_runs import groups_of
from helpers.locations import REPOSITORY

import mcqa_suite
from mcqa_suite.analysis.leaderboard.published import read_published
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError
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
    assert "Published, as it stands there, without interval, rank or test: other: a blog." in lines


def test_the_csv_has_its_value_and_source_and_nothing_else(tmp_path, file):
    (base, variant), _, _ = groups_of(tmp_path)
    text = mcqa_suite.leaderboard([base, variant], reference=file).text("csv")
    [row] = [row for row in csv.DictReader(io.StringIO(text)) if row["model"] == "theirs (published)"]
    assert (row["task"], row["value"], row["source"]) == ("stem", "0.715", "a paper")
    assert [row[key] for key in ("low", "high", "n", "rank")] == [""] * 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("models: [{model: a, scores: {t: 5}}]", "model 'a': no source; say where the scores were published"),
        ("models: []\nsource: x", "models"),
        ("source: x\nmodels: [{model: a, scores: {t: 101}}]", "100"),
        ("source: x\nmodels: [{model: a, score: {t: 1}}]", "'score'"),
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
