"""Training curves: which logs are found, what is drawn of them, and what is said of one that cannot be read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.report_runs import ladder, reported

from mcqa_suite.ladder.outputs import save_report
from mcqa_suite.ladder.steps import LadderResult, RungResult
from mcqa_suite.reporting.figures.training import MOST_RUNGS, Curve, read_curves, training


def log(folder, name, *entries):
    path = folder / "checkpoints" / name / "training_log.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def sft(step):
    return {"step": step, "epoch": step / 10, "loss": 3 / step, "learning_rate": 1e-4}


def dpo(step):
    return {"step": step, "loss": 0.7 - step / 100, "rewards/accuracies": 0.5 + step / 100}


def panels(plot):
    return {axes.get_ylabel(): axes.lines for axes in plot.figure.axes if axes.get_visible()}


def test_one_panel_per_metric_and_one_line_per_rung(tmp_path):
    logs = {
        "sft": log(tmp_path, "sft", sft(1), sft(2), {"step": 2, "eval_loss": 1.25}, sft(3)),
        "dpo": log(tmp_path, "dpo", dpo(5), dpo(10)),
        "gptq4": tmp_path / "checkpoints/gptq4/training_log.jsonl",
    }
    curves, problems = read_curves(logs)
    assert problems == []
    plot = training(curves)
    shown = panels(plot)
    assert {name: len(lines) for name, lines in shown.items()} == {
        "loss": 2,
        "eval_loss": 1,
        "rewards/accuracies": 1,
        "learning_rate": 1,
    }
    assert list(shown["loss"][0].get_ydata()) == [3, 1.5, 1]
    assert list(shown["loss"][1].get_xdata()) == [5, 10]
    assert shown["eval_loss"][0].get_marker() == "o"  # one point is no line
    assert len({line.get_linestyle() for line in shown["loss"]}) == 2
    assert all(axes.get_xlabel() == "step" and axes.get_title() for axes in plot.figure.axes[:4])
    assert "dpo, chosen over rejected (share): 0.55 at step 5, 0.6 at step 10" in plot.alt
    assert "sft, validation loss: 1.25 at step 2" in plot.alt


def test_a_loss_that_is_not_a_number_is_a_gap(tmp_path):
    curves, _ = read_curves({"sft": log(tmp_path, "sft", sft(1), {"step": 2, "loss": float("nan")}, sft(3))})
    plot = training([curve for curve in curves if curve.metric == "loss"])
    (line,) = panels(plot)["loss"]
    assert [value == value for value in line.get_ydata()] == [True, False, True]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e308, -1e308, float("inf"), 10**400])
def test_a_loss_that_no_axis_holds_is_a_gap(tmp_path, value):
    entries = [sft(1), {"step": 2, "loss": value, "grad_norm": -1e308}, sft(3)]
    plot = training(read_curves({"sft": log(tmp_path, "sft", *entries)})[0])
    (line,) = panels(plot)["loss"]
    assert np.isnan(line.get_ydata()).tolist() == [False, True, False]
    plot.figure.savefig(tmp_path / "curves.svg")


@pytest.mark.parametrize("step", [float("nan"), 1e308, -1, "nan", None, [1]])
def test_a_step_that_is_none_leaves_the_log_out(tmp_path, step):
    curves, (problem,) = read_curves({"sft": log(tmp_path, "sft", sft(1), {"step": step, "loss": 1.0})})
    assert not curves
    assert "training_log.jsonl:2: not an object with a step" in problem


def test_a_metric_that_no_rung_logged_has_no_panel():
    assert training([]) is None
    assert training([Curve("sft", "epoch", (1.0,), (0.1,))]) is None


def test_only_the_first_rungs_are_drawn_and_the_caption_says_so():
    plot = training([Curve(f"rung {i}", "loss", (1.0, 2.0), (2.0, 1.0)) for i in range(MOST_RUNGS + 3)])
    assert len(panels(plot)["loss"]) == MOST_RUNGS
    assert f"The first {MOST_RUNGS} of {MOST_RUNGS + 3} trained models are shown." in plot.caption


@pytest.mark.parametrize("line", ["{", '{"loss": 1}', "[1]", '{"step": null}'])
def test_a_log_that_cannot_be_read_is_named_with_its_line(tmp_path, line):
    path = log(tmp_path, "sft", sft(1))
    path.write_text(f"{json.dumps(sft(1))}\n{line}\n", encoding="utf-8")
    curves, problems = read_curves({"sft": path})
    assert curves == []
    assert problems == [f"{path}:2: not an object with a step; its curves are left out"]


@pytest.mark.slow
def test_the_report_finds_the_logs_beside_its_runs(tmp_path):
    runs = ladder(tmp_path, n=20)
    _code, page, _output = reported(tmp_path, runs)
    assert "figure-training" not in page.ids()
    log(tmp_path, "gptq8", sft(1), sft(2))
    code, page, _output = reported(tmp_path, runs)
    assert code == 0
    assert "figure-training" in page.ids()
    assert "gptq8, training loss: 3 at step 1, 1.5 at step 2" in page.text


@pytest.mark.slow
def test_a_bad_log_is_a_problem_and_the_rest_of_the_page_is_written(tmp_path, capsys):
    runs = ladder(tmp_path, n=20)
    path = log(tmp_path, "gptq8", sft(1))
    path.write_text("no JSON", encoding="utf-8")
    code, page, _output = reported(tmp_path, runs)
    assert code == 2
    assert f"{path}:1" in capsys.readouterr().err
    assert {"verdicts", "leaderboard"} <= set(page.ids())


def test_a_ladder_shows_the_training_curves_of_rungs_that_were_not_evaluated(tmp_path):
    runs = ladder(tmp_path, n=20)
    path = log(tmp_path, "sft", sft(1), sft(2))
    rungs = [RungResult(name, tmp_path, None, runs[name], None) for name in ("base", "gptq8")]
    unseen = RungResult("sft", path.parent, None, None, None)
    save_report(LadderResult(None, tmp_path, (*rungs, unseen), 0.0))
    assert "sft, training loss: 3 at step 1" in (tmp_path / "report.html").read_text(encoding="utf-8")
