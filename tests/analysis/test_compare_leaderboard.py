"""Leaderboards: marks follow the rule of comparisons, in every table alike."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.comparison_runs import always_c, compared, first_right, in_every_row, noisy
from helpers.log_files import choice_rows, questions, write_run, written_row

from mcqa_suite.analysis.leaderboard import leaderboard, rung_leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.common.speed import Speed
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.leaderboard import as_csv, markdown
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task
from mcqa_suite.reporting.rung_table import rung_tables

PARENTS = {"base": None, "sft": "base", "dpo": "sft", "gptq2": "dpo"}


def ladder(tmp_path, rights, tasks=("t",), n=1000):
    """A base and rungs that answer the first so many questions of each task right."""
    _, gold = questions(n)
    runs = []
    for name, right in rights.items():
        rows = {task: choice_rows(task, first_right(right, gold), gold) for task in tasks}
        runs.append(read_run(write_run(tmp_path / name, rows, model=name), name=name))
    return runs


def entries(board, task="t"):
    index = [column.name for column in board.columns].index(task)
    return {row.run.name: row.entries[index] for row in board.rows}


def test_a_significant_difference_has_a_star_in_the_ladders_leaderboard(tmp_path):
    parents = {"base": None, "gptq2": "base"}
    text = markdown_by_task(rung_leaderboard(ladder(tmp_path, {"base": 430, "gptq2": 460}), parents))
    assert (
        "| gptq2 | 46.0 | 42.9 to 49.1 | +3.0 (+2.1 to +4.3) * | <.0001 | better | gains at least 2.2 points |" in text
    )


def test_the_ladders_p_values_are_those_of_a_comparison(tmp_path):
    runs = ladder(tmp_path, {"base": 600, "sft": 606, "dpo": 612, "gptq2": 550}, ["t", "u"])
    board = rung_leaderboard(runs, dict.fromkeys(["sft", "dpo", "gptq2"], "base"))
    rows = {(row.variant, row.task): row.p_holm for row in compared(*(run.path for run in runs)).rows}
    p_values = {
        (name, task): entry.change.p_holm
        for task in "tu"
        for name, entry in entries(board, task).items()
        if name != "base"
    }
    assert p_values == pytest.approx(rows)
    assert rows["sft", "t"] > 0.05 > 2**-5  # alone it would have had a star


def test_the_differences_of_a_ladder_are_to_the_parent_and_one_family(tmp_path):
    runs = ladder(tmp_path, {"base": 600, "sft": 640, "dpo": 646, "gptq2": 550})
    board = rung_leaderboard(runs, PARENTS)
    changes = {name: entry.change for name, entry in entries(board).items()}
    assert changes["base"] is None
    assert [changes[name].parent for name in ("sft", "dpo", "gptq2")] == ["base", "sft", "dpo"]
    assert changes["dpo"].p_holm == pytest.approx(2**-5)
    assert "within each family: 3 rows of tasks (acc)." in markdown_by_task(board)


def test_a_rung_whose_check_failed_has_a_dagger_and_no_star(tmp_path):
    scores, gold = questions(1000)
    base = read_run(write_run(tmp_path / "base", {"t": choice_rows("t", scores, gold)}))
    stuck = read_run(
        write_run(tmp_path / "gptq2", {"t": choice_rows("t", always_c(scores, gold), gold)}, model="gptq2")
    )
    text = markdown_by_task(rung_leaderboard([base, stuck], PARENTS))
    (line,) = [line for line in text.splitlines() if line.startswith("| gptq2 ")]
    assert "†" in line
    assert "*" not in line
    assert "† not valid: gptq2: constant letter." in text


def test_a_difference_to_a_copy_of_the_base_is_not_valid(tmp_path):
    scores, gold = questions(100)
    rows = {"t": choice_rows("t", scores, gold)}
    runs = [read_run(write_run(tmp_path / name, rows, model=name)) for name in ("base", "sft")]
    board = rung_leaderboard(runs, PARENTS)
    text = markdown_by_task(board)
    assert "0.0 (-3.7 to +3.7) | not valid |" in text
    assert "† not valid: sft: identical: every log-likelihood is base's" in text
    assert rung_tables(board)[0].rows[1][2].endswith(" 0.0 (not valid)")


def test_the_report_marks_what_a_comparison_marks(tmp_path):
    runs = ladder(tmp_path, {"base": 600, "sft": 605, "gptq2": 550})
    board = leaderboard(runs, comparison=compared(*(run.path for run in runs)))
    lines = {line.split(" | ")[0]: line for line in markdown(board).splitlines()}
    assert " * |" in lines["| gptq2"]
    assert " * |" not in lines["| sft"]
    assert "p Holm: corrected within each family: 2 rows of tasks (acc)." in markdown(board)


def test_a_task_under_two_filters_is_compared_under_the_one_that_is_shown(tmp_path):
    def rows(right):
        strict = [written_row("t", i, "A" if i < right else "B", 0) for i in range(200)]
        return [*strict, *({**written_row("t", i, "A", 0), "filter": "other"} for i in range(200))]

    paths = [
        write_run(tmp_path / name, {"t": rows(right)}, model=name) for name, right in (("base", 150), ("sft", 100))
    ]
    runs = [read_run(path) for path in paths]
    assert len(runs[0].tasks) == 2
    board = leaderboard(runs, comparison=compared(*paths))
    assert entries(board)["sft"].change.change.difference.value == -0.25


def test_one_csv_has_the_columns_of_every_leaderboard(tmp_path):
    runs = ladder(tmp_path, {"base": 600, "sft": 606, "dpo": 650})
    sizes = Origin("base", bits_per_weight=32.0, size_mb=2.5, speed=Speed(tokens_per_second=1000.0))
    runs[0] = replace(runs[0], origin=sizes)
    ranked = list(csv.DictReader(io.StringIO(as_csv(leaderboard(runs)))))
    rungs = list(csv.DictReader(io.StringIO(as_csv(rung_leaderboard(runs, PARENTS)))))
    assert [column for column in rungs[0] if column in ranked[0]] == list(ranked[0])
    dpo = next(row for row in rungs if row["model"] == "dpo")
    assert (dpo["value"], dpo["difference"], dpo["parent"], dpo["verdict"]) == ("0.65", "0.044", "sft", "better")
    assert (rungs[0]["bits_per_weight"], rungs[0]["size_mb"], dpo["bits_per_weight"]) == ("32", "2.5", "")


def test_documents_with_another_prompt_are_counted(tmp_path):
    scores, gold = questions(700)
    paths = [
        write_run(tmp_path / name, {"t": choice_rows("t", noisy(scores, 0.1), gold)}, model=name)
        for name in ("base", "sft")
    ]
    for lost, words in (
        (7, "Documents that differ between the runs, left out of the difference: sft: 7."),
        (8, "Asked differently, so not subtracted: sft: 8 of 700 documents are not the same: 8 with another prompt."),
    ):
        in_every_row(paths[1], lambda row, lost=lost: row["doc_id"] < lost and row.update(prompt_hash="0" * 64))
        assert words in markdown_by_task(rung_leaderboard([read_run(path) for path in paths], PARENTS))


def test_unread_answers_of_a_group_are_pooled(tmp_path):
    tasks = {
        name: [written_row(name, i, None if i < blank else "A", 0) for i in range(40)]
        for name, blank in (("t", 10), ("u", 0))
    }
    run = read_run(write_run(tmp_path / "base", tasks, groups={"both": list(tasks)}))
    board = leaderboard([run])
    assert np.mean([entry.unread for entry in board.rows[0].entries]) == pytest.approx(0.125)


def test_sets_that_share_documents_have_no_macro_mean(tmp_path):
    scores, gold = questions(60)
    rows = choice_rows("main", scores, gold)
    board = leaderboard([read_run(write_run(tmp_path / "base", {"main": rows, "diamond": rows[:20]}))])
    assert board.rows[0].macro is None
    assert "No macro mean: diamond and main share documents. Sorted by main." in markdown(board)


def test_tasks_that_ask_the_same_prompts_have_no_macro_mean(tmp_path):
    scores, gold = questions(60)
    tasks = {name: choice_rows(name, scores, gold) for name in ("mmlu", "exam", "other")}
    for row, same in zip(tasks["exam"], tasks["mmlu"], strict=True):
        row["prompt_hash"] = same["prompt_hash"]  # the questions of MMLU, in a file of the user's
    board = leaderboard([read_run(write_run(tmp_path / "both", tasks))])
    assert board.rows[0].macro is None
    assert "No macro mean: exam and mmlu share documents. Sorted by exam." in markdown(board)
    del tasks["exam"]
    assert leaderboard([read_run(write_run(tmp_path / "one", tasks))]).rows[0].macro is not None


def test_tasks_whose_prompts_are_all_empty_do_not_share_them(tmp_path):
    scores, gold = questions(60)
    tasks = {name: [row | {"prompt_hash": "ab" * 32} for row in choice_rows(name, scores, gold)] for name in "ab"}
    assert leaderboard([read_run(write_run(tmp_path / "run", tasks))]).rows[0].macro is not None


def test_the_table_names_the_tasks_that_it_does_not_show(tmp_path, capsys):
    scores, gold = questions(50)
    rows = {task: choice_rows(task, scores, gold) for task in ("t", "u", "v")}
    base = write_run(tmp_path / "base", {task: rows[task] for task in ("t", "u")})
    sft = write_run(tmp_path / "sft", {task: choice_rows(task, -scores, gold) for task in ("t", "v")}, model="sft")
    assert main(["table", str(base), str(sft)]) == 0
    line = "Not shown: u, v: the first model and another one must have a score of it by one metric and filter."
    assert line in capsys.readouterr().out
    assert main(["table", str(base)]) == 0
    assert "Not shown" not in capsys.readouterr().out


def test_the_table_says_why_a_group_has_no_mean(tmp_path, capsys):
    scores, gold = questions(50)
    rows = {task: choice_rows(task, sign * scores, gold) for task, sign in (("t", 1), ("u", -1), ("v", 2))}
    run = write_run(tmp_path / "run", rows, groups={"g": ["t", "u", "v"]})
    path = next(run.glob("results_*"))
    results = json.loads(path.read_text(encoding="utf-8"))
    results["groups"]["g"]["acc,none"] = 0.437
    path.write_text(json.dumps(results), encoding="utf-8")
    assert main(["table", str(run)]) == 0
    assert "No mean of g: its logged mean, 0.4370, is neither" in capsys.readouterr().out


def test_a_group_that_another_run_holds_in_part_is_shown_by_task(tmp_path, capsys):
    scores, gold = questions(50)
    rows = {"t": choice_rows("t", scores, gold), "u": choice_rows("u", -scores, gold)}
    base = write_run(tmp_path / "base", rows, groups={"g": ["t", "u"]})
    sft = write_run(tmp_path / "sft", {"t": choice_rows("t", noisy(scores, 0.5), gold)}, model="sft")
    assert main(["table", str(base), str(sft)]) == 0
    out = capsys.readouterr().out
    assert "| model | rank | t (acc) | macro mean |" in out
    assert "Not shown: u: " in out
    assert main(["compare", str(base), str(sft), "--format", "json"]) == 0
    rows = {row["task"]: row["warnings"] for row in json.loads(capsys.readouterr().out)["comparisons"]}
    assert rows == {"g": ["sft: g: missing tasks: u"], "t": []}
