"""A ladder in one table: rungs by tasks, each with its difference to the parent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from helpers.comparison_runs import always_c, first_right, groups_of
from helpers.log_files import LETTERS, choice_rows, questions, write_run, written_row

from mcqa_suite.analysis.compare import compare
from mcqa_suite.analysis.leaderboard import Leaderboard, rung_leaderboard
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.leaderboard import leaderboard_rows
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task
from mcqa_suite.reporting.rung_table import CLOZE, LETTER, MOST_TASKS, OTHER, WRITTEN, rung_tables

N = 1000
PARENTS = {"base": None, "sft": "base", "gptq4": "sft", "gptq2": "sft"}
RIGHT = {"base": 500, "sft": 560, "gptq4": 555, "gptq2": 300}


def written(right: int, unread: int, gold: np.ndarray) -> list[dict[str, Any]]:
    """The first so many answers right, the last ones unread, the others wrong."""
    answers = [LETTERS[g if i < right else (g + 1) % 4] for i, g in enumerate(gold)]
    answers[N - unread :] = [None] * unread
    return [
        written_row("mcqa_w_cot", i, answer, int(g)) for i, (answer, g) in enumerate(zip(answers, gold, strict=True))
    ]


def board(folder: Path, normed: bool = False) -> Leaderboard:
    _, gold = questions(N)
    runs = []
    for name, right in RIGHT.items():
        rows = {"mcqa_t_cloze": choice_rows("mcqa_t_cloze", first_right(right, gold), gold)}
        if normed:  # acc below chance, acc_norm as before
            for number, row in enumerate(rows["mcqa_t_cloze"]):
                row |= {"acc_norm": row["acc"], "acc": float(number % 5 == 0), "metrics": ["acc", "acc_norm"]}
                row |= {"doc": {"question": number}, "target": "-"}  # whose gold the log does not show
        if name in ("base", "gptq4"):
            rows["mcqa_w_cot"] = written(400, {"base": 100, "gptq4": 10}[name], gold)
        runs.append(read_run(write_run(folder / name, rows, model=name), name=name))
    return rung_leaderboard(runs, PARENTS)


def test_each_rung_has_its_scores_and_its_differences_to_the_parent(tmp_path):
    ladder = board(tmp_path)
    [table] = rung_tables(ladder)
    assert list(table.header) == ["model", "parent", "t_cloze", "w_cot"]
    assert [tuple(row) for row in table.rows] == [
        ("base", "", "50.0", "40.0 (10.0 unread)"),
        ("sft", "base", "56.0 +6.0 *", ""),
        ("gptq4", "sft", "55.5 -0.5", "40.0 (1.0 unread)"),
        ("gptq2", "sft", "30.0 -26.0 *", ""),
        ("chance", "", "25.0", "25.0"),
    ]


def test_many_tasks_have_a_table_for_each_form_of_answer_without_the_rungs_that_lack_it(tmp_path):
    _, gold = questions(40)
    names = [f"mcqa_epfl{end}" for end in ("", "_perm", "_cloze")] + [f"other_{i}" for i in range(MOST_TASKS - 3)]
    runs = []
    for name in ("base", "sft"):
        rows = {task: choice_rows(task, first_right(20, gold), gold) for task in names}
        if name == "base":
            rows["mcqa_gsm8k"] = [written_row("mcqa_gsm8k", i, "A", int(g)) for i, g in enumerate(gold)]
        runs.append(read_run(write_run(tmp_path / name, rows, model=name), name=name))
    tables = {table.title: table for table in rung_tables(rung_leaderboard(runs, {"base": None, "sft": "base"}))}
    assert list(tables) == [CLOZE, LETTER, WRITTEN, OTHER]
    assert [list(table.header[2:]) for table in tables.values()][:3] == [
        ["epfl_cloze"],
        ["epfl", "epfl_perm"],
        ["gsm8k"],
    ]
    assert [row[0] for row in tables[CLOZE].rows] == ["base", "sft", "chance"]
    assert [row[0] for row in tables[WRITTEN].rows][:1] == ["base"]
    assert "sft" not in [row[0] for row in tables[WRITTEN].rows]


def test_a_cloze_task_below_chance_shows_acc_norm(tmp_path):
    [table] = rung_tables(board(tmp_path, normed=True))
    assert table.header[2] == "t_cloze (acc_norm)"
    assert table.rows[1][2] == "56.0 +6.0 *"


def of_groups(tmp_path: Path, constant: str) -> Leaderboard:
    """A group of three tasks; `constant`: in which one the variant always says C."""
    (base, variant), before, after = groups_of(tmp_path)
    scores, gold = questions(len(before[constant]), seed=["math", "physics", "chemistry"].index(constant))
    rows = choice_rows(constant, always_c(scores, gold), gold, subject=constant)
    write_run(variant, {**after, constant: rows}, groups={"stem": [*after]}, model="gptq")
    return rung_leaderboard([read_run(base), read_run(variant)], {"base": None, "gptq": "base"})


def test_a_group_has_one_column_and_no_table_of_each_of_its_tasks(tmp_path):
    (base, variant), before, _ = groups_of(tmp_path)
    ladder = rung_leaderboard([read_run(base), read_run(variant)], {"base": None, "gptq": "base"})
    assert list(rung_tables(ladder)[0].header)[2:3] == ["stem"]
    text = markdown_by_task(ladder)
    assert "### stem, acc (pooled of 3 tasks, n = 240, " in text
    assert not any(f"### {name}" in text for name in before)
    records = [(record["model"], record["task"]) for record in leaderboard_rows(ladder)]
    assert {task for _, task in records} == {"stem", *before}  # the CSV has all


def test_the_difference_of_a_group_is_the_one_that_compare_gives(tmp_path):
    folders, _, _ = groups_of(tmp_path)
    runs = [read_run(path) for path in folders]
    ladder = rung_leaderboard(runs, {"base": None, "gptq": "base"})
    ours = next(entry for entry in ladder.rows[1].entries if entry.column.name == "stem").change
    assert ours == next(row for row in compare(runs[0], runs[1:]).rows if row.task == "stem")


def test_a_group_is_valid_where_few_of_its_documents_are_answered_with_one_letter(tmp_path):
    ladder = of_groups(tmp_path, "physics")  # 40 of 240 documents
    entry = next(entry for entry in ladder.rows[1].entries if entry.column.name == "stem")
    assert not entry.failed_check
    assert "constant letter in 1 of 3 tasks" in entry.warnings
    cell = rung_tables(ladder)[0].rows[1][2]
    assert cell.endswith("(over 2 of 3 tasks)")


def test_a_group_is_not_valid_where_half_of_its_documents_are_answered_with_one_letter(tmp_path):
    ladder = of_groups(tmp_path, "math")  # 120 of 240
    entry = next(entry for entry in ladder.rows[1].entries if entry.column.name == "stem")
    assert entry.failed_check == "constant letter"
