"""Runs against published scores, of which there are no samples."""

from __future__ import annotations

import json

import pytest
from helpers.comparison_runs import first_right
from helpers.log_files import choice_rows, questions, write_run, written_row
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from mcqa_suite.cli.main import main


def run_of(folder, right, n=1000, tasks=("t",)):
    _, gold = questions(n)
    return str(write_run(folder, {task: choice_rows(task, first_right(right, gold), gold) for task in tasks}))


def records(capsys, *command, code=0):
    assert main(["compare", *command, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)["comparisons"]


def test_a_score_of_so_many_questions_is_compared_unpaired(tmp_path, capsys):
    (row,) = records(capsys, run_of(tmp_path / "run", 520), "--against", "t=54.2:2376")
    low, high = confint_proportions_2indep(520, 1000, round(0.542 * 2376), 2376, method="newcomb")
    _, p = proportions_ztest([520, 0.542 * 2376], [1000, 2376])
    assert (row["parent"], row["base"], row["value"]) == ("published", 0.542, 0.52)
    assert (row["low"], row["high"]) == pytest.approx((low, high), abs=3e-4)
    assert row["p"] == pytest.approx(p, rel=1e-3)
    assert row["verdict"] == "undecided"


def test_a_score_without_questions_is_taken_as_exact(tmp_path, capsys):
    (row,) = records(capsys, run_of(tmp_path / "run", 520), "--against", "t=56")
    _, p = proportions_ztest(520, 1000, value=0.56, prop_var=0.56)
    assert row["p"] == pytest.approx(p)
    assert row["verdict"] == "worse"
    assert row["low"] < row["bound"] < row["difference"] == pytest.approx(-0.04)


def test_that_nothing_is_paired_is_said(tmp_path, capsys):
    assert main(["compare", run_of(tmp_path / "run", 520), "--against", "t=54.2"]) == 0
    assert "no question is paired" in capsys.readouterr().out


def test_a_gate_against_published_scores(tmp_path, capsys):
    run = run_of(tmp_path / "run", 520, tasks=("t", "u"))
    assert main(["compare", run, "--against", "t=52", "--against", "u=52", "--max-drop", "2"]) == 0
    assert "2 tasks" in capsys.readouterr().err
    assert main(["compare", run, "--against", "t=58:5000", "--max-drop", "2"]) == 1
    assert "fails: worse by 6.0" in capsys.readouterr().err


def test_rotations_of_a_question_count_once(tmp_path, capsys):
    _, gold = questions(400)
    rows = choice_rows("t", first_right(200, gold), gold)
    for index, row in enumerate(rows):
        row["doc"]["question_id"] = index // 4
    run = str(write_run(tmp_path / "run", {"t": rows}))
    (clustered,) = records(capsys, run, "--against", "t=56")
    (alone,) = records(capsys, run, "--against", "t=56", "--cluster", "none")
    assert clustered["high"] - clustered["low"] > 1.8 * (alone["high"] - alone["low"])
    assert alone["p"] < 0.05 < clustered["p"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t", "--against t: expected TASK=PERCENT"),
        ("t=x", "--against t=x: expected TASK=PERCENT"),
        ("t=101", "--against t=101: expected TASK=PERCENT"),
        ("t=50:0", "--against t=50:0: expected TASK=PERCENT"),
        ("t=nan", "--against t=nan: expected TASK=PERCENT"),
        ("other=50", "--against other: no such task; it has t"),
    ],
)
def test_a_wrong_score_is_one_line(tmp_path, text, message, capsys):
    assert main(["compare", run_of(tmp_path / "run", 520), "--against", text]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_base_and_a_published_score_are_one_too_many(tmp_path, capsys):
    run = run_of(tmp_path / "run", 520)
    assert main(["compare", run, "--against", "t=50", "--base", run]) == 2
    assert "--against takes the place of a base" in capsys.readouterr().err
    assert main(["compare", run]) == 2
    assert "one run alone: give another to compare it with, or --against" in capsys.readouterr().err


def test_a_task_has_one_published_score(tmp_path, capsys):
    assert main(["compare", run_of(tmp_path / "run", 520), "--against", "t=54", "--against", "t=60"]) == 2
    assert capsys.readouterr().err == "mcqa: --against t: given more than once; give each task one score\n"


def test_a_score_below_one_percent_is_repeated_as_it_was_read(tmp_path, capsys):
    assert main(["compare", run_of(tmp_path / "run", 520), "--against", "t=0.54"]) == 0
    assert "--against t: read as 0.54 percent; a fraction is to be given in percent" in capsys.readouterr().out


def test_a_check_that_fails_under_a_filter_is_named_with_it(tmp_path, capsys):
    rows = [written_row("t", i, None, 0) | {"filter": name} for name in ("strict", "flexible") for i in range(20)]
    run = str(write_run(tmp_path / "run", {"t": rows}))
    assert main(["compare", run, "--against", "t=50"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("### Against published scores\n")
    assert "unread: t, strict, run: no answer could be read in any of 20 documents" in out
