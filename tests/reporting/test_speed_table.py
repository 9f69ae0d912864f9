"""Speeds that results files record: read, shown in a table of their own, and drawn against accuracy."""

from __future__ import annotations

import json

import pytest
from helpers.comparison_runs import noisy
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite.analysis.leaderboard import leaderboard
from mcqa_suite.common.speed import NO_SPEED, Speed, read_speed
from mcqa_suite.logs.runs import read_run
from mcqa_suite.reporting.figures.speeds import against_speed
from mcqa_suite.reporting.speed_table import speed_table

MEASURED = {"load_seconds": 2.5, "latency_ms": 310.2, "tokens_per_second": 205.0, "written_per_second": 8.25}


def board(tmp_path, **speeds):
    """A leaderboard of one task; the speed of each model as its results file records it."""
    scores, gold = questions(40)
    for number, (name, speed) in enumerate(speeds.items()):
        rows = choice_rows("t", noisy(scores, 0.1, seed=number), gold)
        folder = write_run(tmp_path / name, {"t": rows}, model=name)
        (path,) = folder.rglob("results_*.json")
        results = json.loads(path.read_text())
        results["config"] = {**(results.get("config") or {}), "speed": speed}
        path.write_text(json.dumps(results))
    return leaderboard([read_run(tmp_path / name) for name in speeds])


def test_each_model_has_its_figures_and_an_empty_column_is_left_out(tmp_path):
    table = speed_table(board(tmp_path, base=MEASURED, int8={"latency_ms": 499.6}))
    assert table.header == ["model", "load s", "latency ms", "read tokens/s", "written tokens/s"]
    assert table.rows == [["base", "2.5", "310", "205", "8.2"], ["int8", "", "500", "", ""]]


def test_the_figure_has_a_panel_for_each_cost_that_two_models_have(tmp_path):
    plot = against_speed(board(tmp_path, base=MEASURED, int8={**MEASURED, "latency_ms": 500, "load_seconds": 9}))
    assert [ax.get_xlabel() for ax in plot.figure.axes] == ["ms to the first token"]
    assert {text.get_text() for text in plot.figure.axes[0].texts} == {"base", "int8"}


def test_runs_without_speeds_have_neither(tmp_path):
    unmeasured = board(tmp_path, base=None, int8={})
    assert (speed_table(unmeasured), against_speed(unmeasured)) == (None, None)


@pytest.mark.parametrize("value", ["fast", -1, 0, 1e300, float("nan"), None, True, [1]])
def test_what_is_no_speed_counts_as_not_measured(value):
    assert read_speed({"latency_ms": value, "load_seconds": 2}) == Speed(load_seconds=2.0)
    assert read_speed(value) == NO_SPEED
