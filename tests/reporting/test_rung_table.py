"""A ladder in one table: rungs by tasks, each with its difference to the parent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from helpers.comparison_runs import first_right
from helpers.log_files import LETTERS, choice_rows, questions, write_run, written_row

from mcqa_suite.analysis.leaderboard import Leaderboard, rung_leaderboard
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.rung_table import bounds_note, rung_table

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
    table = rung_table(ladder)
    assert list(table.header) == ["rung", "parent", "t_cloze", "w_cot", "unread % of w_cot"]
    assert [tuple(row) for row in table.rows] == [
        ("base", "", "50.0", "40.0", "10.0"),
        ("sft", "base", "56.0 +6.0 *", "", ""),
        ("gptq4", "sft", "55.5 -0.5", "40.0", "1.0"),
        ("gptq2", "sft", "30.0 -26.0 *", "", ""),
        ("chance", "", "25.0", "25.0", ""),
    ]
    bounds = {"sft": "gains at least 4.9", "gptq4": "loses at most 1.0", "gptq2": "loses at most 28.3"}
    words = "; ".join(f"{name} {bound} points on t_cloze" for name, bound in bounds.items())
    assert bounds_note(ladder) == f"Bounds of these differences, one-sided 95 %: {words}."


def test_a_cloze_task_below_chance_shows_acc_norm(tmp_path):
    table = rung_table(board(tmp_path, normed=True))
    assert table.header[2] == "t_cloze (acc_norm)"
    assert table.rows[1][2] == "56.0 +6.0 *"
