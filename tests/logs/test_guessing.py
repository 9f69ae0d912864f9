"""Chance and the option that is right most often follow from what was asked."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.log_files import STAMP, wide_row, write_run, written_row

from mcqa_suite.analysis.compare import compare
from mcqa_suite.analysis.leaderboard import leaderboard
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.guessing import Guessing, chances, guessing
from mcqa_suite.logs.runs import read_run
from mcqa_suite.logs.scoring import letter_scores

WIDE = 100  # options, more than there are letters, and than a number of 64 bits has


def asked(*documents: tuple[int, set[int]]):
    """The options and right options of documents, given as (number of options, indices of the right ones)."""
    width = max(n for n, _ in documents)
    return np.array([n for n, _ in documents]), np.array([[i in gold for i in range(width)] for _, gold in documents])


def test_chance_is_the_share_of_right_options_as_found_by_guessing():
    rng = np.random.default_rng(0)
    documents = [(n, set(rng.choice(n, rng.integers(1, n), replace=False).tolist())) for n in rng.integers(2, 40, 200)]
    options, gold = asked(*documents)
    guesses = np.array([[int(rng.integers(n)) in right for _ in range(500)] for n, right in documents])
    assert chances(options, gold) == pytest.approx([len(right) / n for n, right in documents])
    assert guessing([(options, gold)]).chance == pytest.approx(guesses.mean(), abs=5 * np.sqrt(0.25 / guesses.size))


def test_one_option_counts_as_right_where_gold_is_unknown_and_nothing_is_known_without_options():
    assert guessing([asked((4, set()), (4, {1, 2}))]) == Guessing(3 / 8, None)
    assert guessing([asked((4, {1}), (0, set()))]) == guessing([]) == Guessing()


def test_a_group_is_guessed_as_its_accuracy_is_pooled():
    small, large = asked((2, {1}), (2, {1})), asked(*[(4, {0})] * 6)
    assert guessing([small, large]) == Guessing(pytest.approx((2 / 2 + 6 / 4) / 8), ("A", pytest.approx(6 / 8)))
    assert guessing([small, large], [1, 1]) == Guessing(pytest.approx((1 / 2 + 1 / 4) / 2), ("A", pytest.approx(1 / 2)))
    assert guessing([small, large], [3, 1]) == Guessing(pytest.approx((3 / 2 + 1 / 4) / 4), ("B", pytest.approx(3 / 4)))


def test_three_of_four_right_options_make_a_chance_of_75_percent(tmp_path):
    rows = [wide_row(i, i % 4, {0, 1, 2}) for i in range(20)]
    run = read_run(write_run(tmp_path, {"t": rows}))
    assert run.tasks["t", "none"].chance == 0.75
    assert leaderboard([run]).columns[0].chance == 0.75


@pytest.mark.parametrize("options", [30, WIDE])
def test_the_last_of_many_options_is_counted_and_has_its_number_as_its_label(tmp_path, options):
    rows = {name: [wide_row(i, pick, {options - 1}, options) for i in range(12)] for name, pick in (("a", 2), ("b", 0))}
    runs = [read_run(write_run(tmp_path / name, {"t": rows[name]}, model=name)) for name in rows]
    assert (runs[0].tasks["t", "none"].chance, runs[0].tasks["t", "none"].constant) == (
        pytest.approx(1 / options),
        (f"#{options}", 1.0),
    )
    row = compare(runs[0], runs[1:]).rows[0]
    assert (row.constant, len(row.choices.letters_gold)) == ((f"#{options}", 1.0), options)
    assert leaderboard(runs).columns[0].constant == (f"#{options}", 1.0)


def test_a_macro_mean_has_the_mean_of_the_chances_in_table_and_comparison(tmp_path):
    tasks = {
        "two": [wide_row(i, i % 2, {1}, 2) for i in range(10)],
        "four": [wide_row(i, i % 4, {0}, 4) for i in range(40)],
    }
    means = [np.mean([row["acc"] for row in rows]) for rows in tasks.values()]
    runs = []
    for name, macro in (("macro", True), ("pooled", False)):
        value = float(np.mean(means) if macro else np.average(means, weights=[10, 40]))
        folder = write_run(tmp_path / name, tasks, model=name, groups={"both": ["two", "four"]})
        results = json.loads((folder / f"results_{STAMP}.json").read_text())
        results["groups"]["both"]["acc,none"] = value
        (folder / f"results_{STAMP}.json").write_text(json.dumps(results))
        runs.append(read_run(folder))
    for run, chance in zip(runs, (0.375, 0.3), strict=True):
        (group,) = [row for row in compare(run, [run]).rows if row.task == "both"]
        (column,) = leaderboard([run]).columns
        assert group.chance == column.chance == pytest.approx(chance)
        assert group.constant == column.constant


def test_a_written_answer_is_no_option_behind_the_last_letter():
    scores = letter_scores({"choices": ["?"] * 30, "gold": [29]}, [Extraction("D", "answered")])
    assert (scores["acc"], scores["parsed"]) == (0.0, 1.0)


def test_a_letter_that_no_option_has_is_no_pick(tmp_path):
    rows = [written_row("t", i, "Z" if i else "B", 1) for i in range(3)]
    samples = read_run(write_run(tmp_path, {"t": rows})).tasks["t", "extracted"].samples
    assert samples.letter.tolist() == [1, -1, -1]
    assert samples.chose_gold("acc").tolist() == [True, False, False]
