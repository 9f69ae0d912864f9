"""What a metric is decides its table: the direction that is better, the unit, and whether guessing has a score in it."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from helpers.comparison_runs import compared, first_right, scored_run
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite import stats
from mcqa_suite.analysis.leaderboard import leaderboard, rung_leaderboard
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.comparison_text import markdown
from mcqa_suite.reporting.leaderboard import markdown as table
from mcqa_suite.reporting.leaderboard_by_task import markdown_by_task


def share(n, ones):
    return (np.arange(n) < ones).astype(float)


def errors(n, mean):
    return mean + np.sin(np.arange(n))


def two(tmp_path, metric, base, worse, higher):
    return [
        scored_run(tmp_path / name, {metric: values}, higher=higher)
        for name, values in (("base", base), ("worse", worse))
    ]


@pytest.mark.parametrize("higher", [{"refused": False}, {}], ids=["recorded", "known by its name"])
def test_more_refusals_are_worse_and_rank_last(tmp_path, capsys, higher):
    paths = two(tmp_path, "refused", share(120, 2), share(120, 52), higher)
    assert main(["compare", "--metric", "refused", "--fail-if", "worse", *map(str, paths)]) == 1
    assert "| t (refused) | worse | 120 | 1.7 | 43.3 | +41.7" in capsys.readouterr().out
    board = leaderboard([read_run(path) for path in paths[::-1]], "refused")
    assert [(row.run.name, row.rank) for row in board.rows] == [("base", "1"), ("worse", "2")]
    assert "Lower is better: t." in table(board)


def test_notes_explain_only_what_the_tables_hold(tmp_path):
    paths = two(tmp_path, "refused", share(120, 2), share(120, 52), {})
    refused = markdown(compared(*paths, metric="refused"))
    rows = choice_rows("t", *questions(60))
    paths = [write_run(tmp_path / name, {"t": rows}, model=name) for name in ("first", "second")]
    accuracy = markdown(compared(*paths))
    for words in ("- KL: ", "- Flips: "):
        assert (words in refused, words in accuracy) == (False, True)
    paths = two(tmp_path / "means", "acc", np.arange(40) % 8 / 8, np.arange(40) % 7 / 8, {})
    fractions = markdown(compared(*paths))
    assert [f"- {words}" in fractions for words in ("Fractions", "Flips")] == [True, False]
    assert "- Fractions" not in refused  # a question is refused or not


def test_the_results_file_overrules_a_known_name(tmp_path):
    paths = two(tmp_path, "mae", errors(40, 9), errors(40, 4), {"mae": True})
    (row,) = compared(*paths, metric="mae").rows
    assert row.verdict == "worse"


def test_a_metric_of_unknown_direction_says_what_was_assumed(tmp_path):
    paths = two(tmp_path, "fluency", errors(40, 9), errors(40, 4), {})
    comparison = compared(*paths, metric="fluency")
    words = "t: fluency: the results file does not say which direction is better; assumed: higher is better"
    assert words in comparison.notes
    assert comparison.rows[0].verdict == "worse"
    assert words in table(leaderboard([read_run(path) for path in paths], "fluency"))


def test_results_files_that_contradict_each_other_are_refused(tmp_path):
    paths = [
        scored_run(tmp_path / name, {"mae": errors(9, 4)}, higher={"mae": up})
        for name, up in (("a", True), ("b", False))
    ]
    words = r"b: t: mae: higher_is_better is not that of .*a; run both with the same task files"
    with pytest.raises(ComparisonError, match=words):
        compared(*paths, metric="mae")
    with pytest.raises(ComparisonError, match=words):
        leaderboard([read_run(path) for path in paths], "mae")


def test_a_metric_that_is_no_share_stands_in_its_own_unit(tmp_path, capsys):
    paths = two(tmp_path, "mae", errors(40, 4), errors(40, 9), {"mae": False})
    comparison = compared(*paths, metric="mae")
    text = markdown(comparison)
    assert "| variant | base mae | mae | difference | p |" in text
    estimates = [stats.weighted_mean(errors(40, mean), stats.Rows.pooled(40)).estimate for mean in (4, 9)]
    cells = " | ".join(f"{e.value:.4g} ({e.low:.4g} to {e.high:.4g})" for e in estimates)
    assert f"| worse | {cells} | +5 (+5 to +5) * |" in text
    assert "lower is better" in text
    assert "ithin ±1 point" not in text
    first = table(leaderboard([read_run(path) for path in paths], "mae")).splitlines()[4]
    assert first.startswith(f"| base | 1 | {estimates[0].value:.4g} ± ")
    assert main(["compare", "--metric", "mae", "--format", "csv", *map(str, paths)]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["higher_is_better"], row["p_equivalent"], row["recovery"]) == ("False", "", "")


def test_a_difference_of_no_share_is_never_equivalent_within_points(tmp_path):
    values = errors(40, 0.5) / 1000
    (row,) = compared(*two(tmp_path, "loss", values, values + 1e-5 * np.cos(np.arange(40)), {}), metric="loss").rows
    assert row.verdict == "undecided"


def test_a_metric_that_is_no_accuracy_has_no_chance_no_letter_and_no_health_check_of_answers(tmp_path):
    scores, gold = questions(200)
    paths = []
    for name in ("base", "variant"):
        rows = [row | {"metrics": ["acc", "finite"], "finite": 0.0} for row in choice_rows("t", scores, gold)]
        for row in rows:  # the same letter always
            row["filtered_resps"] = [["9.0", "False"], *row["filtered_resps"][1:]]
            row["resps"] = [[response] for response in row["filtered_resps"]]
            row["acc"] = float(row["doc"]["gold"] == [0])
        paths.append(write_run(tmp_path / name, {"t": rows}, model=name))
    comparison = compared(*paths, metric="finite")
    (row,) = comparison.rows
    assert (row.chance, row.flips, row.choices.ece_base) == (None, None, None)
    assert [check.condition for check in comparison.health] == ["identical"]
    text = markdown(comparison) + table(leaderboard([read_run(path) for path in paths], "finite"))
    assert "chance" not in text.replace("above chance", "")
    assert "always" not in text


def test_a_mean_over_several_samples_is_not_the_share_of_questions_with_a_right_one(tmp_path):
    rights = np.array([0, 1, 2, 4, 8, 8, 1, 1] * 10) / 8
    paths = [scored_run(tmp_path / name, {"acc": values}) for name, values in (("base", rights), ("sft", rights[::-1]))]
    board = rung_leaderboard([read_run(path) for path in paths], {"base": None, "sft": "base"})
    assert board.rows[0].entries[0].accuracy.value == pytest.approx(rights.mean())
    assert board.rows[1].entries[0].change.change.difference.value == pytest.approx(0)
    assert f"| base | {100 * rights.mean():.1f} " in markdown_by_task(board)


def test_one_score_between_0_and_1_leaves_the_check_against_chance_on(tmp_path):
    _, gold = questions(400)
    rows = choice_rows("t", first_right(40, gold), gold)
    rows[300]["acc"] = 0.5
    path = write_run(tmp_path / "base", {"t": rows})
    comparison = compared(path, path)
    assert "below chance" in [check.condition for check in comparison.health]
    assert comparison.rows[0].chance == 0.25
    (row,) = leaderboard([read_run(path)]).rows
    assert row.entries[0].failed_check == "below chance"


def test_unread_answers_of_several_samples_are_counted_by_sample(tmp_path):
    scores = {"acc": np.zeros(40), "parsed": np.full(40, 0.75)}
    path = scored_run(tmp_path / "base", scores)
    (row,) = compared(path, path).rows
    assert row.unread_base == read_run(path).tasks["t", "extracted"].unread == 0.25


def test_a_mean_over_several_samples_keeps_its_gold(tmp_path):
    path = scored_run(tmp_path / "base", {"acc": np.full(8, 0.5)})
    assert (read_run(path).tasks["t", "extracted"].samples.gold.any(axis=1)).all()


@pytest.mark.parametrize(("n", "right", "mean"), [(40, 3, 0.25), (200, 30, 0.25), (10, 9, 0.5)])
def test_the_bound_for_fractional_scores_is_never_below_the_exact_p(n, right, mean):
    from scipy.stats import binom

    exact = binom.cdf(right, n, mean)
    assert stats.mean_below(share(n, right), mean) == pytest.approx(exact)
    halves = np.concatenate([np.full(2, 0.5), share(n - 2, right - 1)])  # the same mean
    assert exact <= stats.mean_below(halves, mean) <= 1
    assert stats.mean_below(np.zeros(n) + 1e-9, mean) == pytest.approx((1 - mean) ** n, rel=1e-3)


def test_a_report_without_an_accuracy_names_the_metrics_that_there_are(tmp_path, capsys):
    path = scored_run(tmp_path / "run", {"mae": errors(12, 5)})
    assert main(["report", str(path), "-o", str(tmp_path / "r.html")]) == 2
    assert "no metric acc in" in (words := capsys.readouterr().err)
    assert "(it has mae); choose another --metric" in words


@pytest.mark.slow
def test_a_report_shows_a_metric_in_its_own_unit(tmp_path):
    base, worse = two(tmp_path, "mae", errors(40, 4), errors(40, 9), {"mae": False})
    output = tmp_path / "r.html"
    assert main(["report", str(worse), "--base", str(base), "--metric", "mae", "-o", str(output)]) == 0
    page = output.read_text(encoding="utf-8")
    assert 'class="worse">+5 <small>+5 to +5' in page
    assert "mae, lower is better" in page
    assert "equivalence margin" not in page
    assert "(percentage points)" not in page


@pytest.mark.parametrize(("n", "verdict", "p"), [(100, "worse", 2.0**-99), (4, "undecided", 0.125)])
def test_a_difference_that_is_the_same_in_every_row_is_tested_by_its_sign(tmp_path, n, verdict, p):
    values = np.random.default_rng(0).normal(5, 1, n)
    runs = [scored_run(tmp_path / name, {"points": values - lost}) for name, lost in (("base", 0), ("sft", 1))]
    (row,) = compared(*runs, metric="points").rows
    assert (row.verdict, row.change.p) == (verdict, pytest.approx(p))


@pytest.mark.parametrize("value", [float("inf"), 1e308, float("nan")])
def test_scores_that_are_no_finite_numbers_are_not_compared_or_ranked(tmp_path, capsys, value):
    runs = [scored_run(tmp_path / name, {"points": np.full(30, v)}) for name, v in (("base", value), ("sft", 1.0))]
    for command, words in (("compare", "in 30 of 30 documents"), ("table", "points is no finite number in these runs")):
        assert main([command, *map(str, runs), "--metric", "points"]) == 2
        assert words in capsys.readouterr().err
