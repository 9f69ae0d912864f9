"""Sweeps: how a grid becomes stages, what may rank them, and what the lead of the best is worth."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.comparison_runs import scored_run
from helpers.recipes import recipe_file

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.manifest import HELD_OUT, Hardware, Manifest
from mcqa_suite.ladder import sweep_figure
from mcqa_suite.ladder.recipe import NAME, read_recipe, until
from mcqa_suite.ladder.steps import RungResult
from mcqa_suite.ladder.sweep import LORA, OF_KIND, TRAINER, Criterion, Point, Sweep, check_criterion, expand, shown
from mcqa_suite.ladder.sweep_results import as_csv, check_metric, markdown, score, verdict
from mcqa_suite.stats import PairedTable, mcnemar_exact, paired_difference, wilson

RECIPE = """
name: grid
stages:
  - name: dpo
    kind: dpo
    parent: base
    settings:
      data: [{source: evaluator, path: pairs.jsonl}]
      trainer: {beta: 0.2, loss_type: [robust]}
    sweep: {learning_rate: [5e-6, 1e-5], beta: [0.1, 0.3], r: [8], held_out: [0.2, 0.4]}
    criterion: {metric: reward_accuracy}
  - {name: gptq4, kind: gptq, parent: {best: dpo}, settings: {bits: 4, calibration: [{source: symbolic_local, n: 8}]}}
evaluate:
  - {tasks: [mcqa_epfl], limit: 8}
"""


def test_a_sweep_becomes_one_stage_for_every_point(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path, RECIPE))
    *points, gptq = recipe.stages
    assert [stage.name for stage in points][:3] == [
        "dpo-lr5e-6-beta0.1-r8-held_out0.2",
        "dpo-lr5e-6-beta0.1-r8-held_out0.4",
        "dpo-lr5e-6-beta0.3-r8-held_out0.2",
    ]
    assert len({stage.name for stage in points}) == 8
    last = points[-1].settings
    assert last.trainer == {"beta": 0.3, "loss_type": ["robust"], "learning_rate": 1e-5}
    assert (last.lora, last.held_out) == ({"r": 8}, 0.4)
    assert (gptq.parent, gptq.from_best) == ("dpo", True)
    assert all(NAME.fullmatch(stage.name) for stage in recipe.stages)


def test_a_recipe_can_end_early_with_a_stage_or_a_sweep(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path, RECIPE))
    assert [stage.kind for stage in until(recipe, "dpo").stages] == ["dpo"] * 8
    assert until(recipe, "dpo").sweeps == recipe.sweeps
    assert until(recipe, recipe.stages[0].name).sweeps == ()
    with pytest.raises(ConfigError, match="no stage 'dpoo'; expected one of dpo-lr5e-6"):
        until(recipe, "dpoo")


GRID = "learning_rate: [5e-6, 1e-5], beta: [0.1, 0.3], r: [8], held_out: [0.2, 0.4]"
BAD = [
    (
        "learning_rate: [",
        "learning_rat: [",
        r"stages\[0\]: sweep: unknown key 'learning_rat'; did you mean 'learning_rate'\?",
    ),
    ("r: [8]", "data: [8]", "unknown key 'data'"),
    ("[0.1, 0.3]", "0.1", r"sweep: beta: expected a list of values, not 0\.1"),
    (
        "[0.1, 0.3]",
        "[0.1, 0.1]",
        r"two points have the name 'dpo-lr5e-6-beta0\.1-r8-held_out0\.2'; give each value once",
    ),
    (
        "    sweep: {learning_rate: [5e-6, 1e-5], beta: [0.1, 0.3], r: [8], held_out: [0.2, 0.4]}\n",
        "",
        "criterion without a sweep",
    ),
    (
        "learning_rate: [5e-6, 1e-5], beta: [0.1, 0.3], r: [8], held_out: [0.2, 0.4]",
        "beta: [0.1]",
        "1 point; a sweep needs",
    ),
    ("    criterion: {metric: reward_accuracy}\n", "", "sweep without criterion; add"),
    (
        "{metric: reward_accuracy}",
        "{metric: acc, task: mcqa_arc}",
        "task 'mcqa_arc' is not evaluated; expected one of mcqa_epfl",
    ),
    (
        "{metric: reward_accuracy}",
        "{metric: loss}",
        "loss cannot rank points with different beta; use",
    ),
    ("{metric: reward_accuracy}", "{metrc: loss}", "unknown key 'metrc'; did you mean 'metric'"),
    ("parent: {best: dpo}", "parent: dpo", r"'dpo' is a sweep; name a point of it, or write \{best: dpo\}"),
    ("parent: {best: dpo}", "parent: {best: sft}", "parent: 'sft'; expected one of dpo"),
    ("name: gptq4", "name: dpo", "'dpo' is already used"),
    ("held_out: [0.2, 0.4]", "held_out: [0.2, 4]", "held_out: 4"),
]


@pytest.mark.parametrize(("before", "after", "message"), BAD)
def test_a_mistake_in_a_sweep_is_one_line_with_its_place(tmp_path, before, after, message):
    assert before in RECIPE
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(recipe_file(tmp_path, RECIPE.replace(before, after, 1)))
    assert "\n" not in str(caught.value)


def test_a_loss_may_rank_settings_that_do_not_scale_it():
    assert check_criterion(Criterion("loss"), {"learning_rate": [1, 2], "beta": [0.1]}, [], "x").lower_is_better


@pytest.mark.parametrize(
    ("value", "text"), [(5e-6, "5e-6"), (0.05, "0.05"), (1e16, "1e16"), (3, "3"), ([1, "a"], "1, a"), (100.0, "100")]
)
def test_a_value_is_shown_as_it_is_written(value, text):
    assert shown(value) == text


def test_words_and_switches_become_parts_of_names():
    mapping = {"trainer": {"packing": False}}
    points = expand("sft", "sft", mapping, {"lr_scheduler_type": ["cosine", "linear"], "packing": [True, False]}, "x")
    assert [point.stage for point in points][:2] == ["sft-cosine-packing_on", "sft-cosine-packing_off"]


@pytest.mark.slow
def test_the_keys_to_sweep_are_arguments_of_the_trainers(monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    trl, peft = pytest.importorskip("trl"), pytest.importorskip("peft")
    from trl.experimental.orpo import ORPOConfig

    configs = {"sft": trl.SFTConfig, "dpo": trl.DPOConfig, "orpo": ORPOConfig, "reward": trl.RewardConfig}
    assert configs.keys() == OF_KIND.keys()
    for kind, config in configs.items():
        assert {*TRAINER, *OF_KIND[kind]} <= {*config.__dataclass_fields__}
    assert {*LORA} <= {*peft.LoraConfig.__dataclass_fields__}


POINTS = tuple(Point(f"dpo-beta{beta}-r{r}", {"beta": beta, "r": r}) for beta in (0.1, 0.3) for r in (8, 16))
SWEEP = Sweep("dpo", Criterion("reward_accuracy"), POINTS)
RIGHT = (60, 62, 80, 70)


def rung(metrics: dict[str, Any], checkpoint: Path = Path("missing")) -> RungResult:
    manifest = Manifest("dpo", "", None, {}, "", 0, Hardware("", 1), 0.0, metrics=metrics)
    return RungResult("", checkpoint, manifest, None, None)


def entries(folder: Path | None = None) -> dict[str, RungResult]:
    """Four points with 100 held-out pairs, of which the first so many are right; with a folder the pairs are there too."""
    points = {}
    for point, right in zip(POINTS, RIGHT, strict=True):
        metrics = {"reward_accuracy": right / 100, "held_out_pairs": 100, "reward_ties": 0, "loss": -200.0}
        checkpoint = Path("missing")
        if folder:
            checkpoint = folder / point.stage
            checkpoint.mkdir()
            rows = [
                {"id": f"p{i}", "group": f"g{i}", "chosen": 1.0, "rejected": 1.5 * (i >= right)} for i in range(100)
            ]
            (checkpoint / HELD_OUT).write_text("".join(json.dumps(row) + "\n" for row in rows))
        points[point.stage] = rung(metrics, checkpoint)
    return points


def test_the_best_point_leads_by_unpaired_intervals_where_pairs_are_missing():
    board = score(SWEEP, entries())
    assert board.best.point is POINTS[2]
    assert (board.best.interval, board.best.behind) == (wilson(80, 100), None)
    second = board.ranked[1]
    assert second.behind.value == pytest.approx(-0.1)
    assert not second.is_significant
    assert [s.is_significant for s in board.scores] == [True, True, False, False]


def test_p_values_are_corrected_over_every_pair_of_points(tmp_path):
    scores = score(SWEEP, entries(tmp_path)).scores
    p_values = [mcnemar_exact(0, 80 - right) for right in (60, 62, 70)]
    pairs = len(scores) * (len(scores) - 1) / 2
    assert [s.p_corrected for s in scores if s.behind] == pytest.approx([min(1, pairs * p) for p in p_values])


def test_points_are_paired_by_their_held_out_pairs(tmp_path):
    board = score(SWEEP, entries(tmp_path))
    assert board.paired
    assert board.ranked[1].behind == paired_difference(PairedTable(both=70, only_second=0, only_first=10, neither=20))
    assert board.ranked[1].is_significant  # all ten pairs speak for the best; independent samples would not show it
    assert not score(SWEEP, entries()).ranked[1].is_significant


def test_a_lower_loss_is_better_and_has_no_interval():
    points = {p.stage: rung({"loss": loss}) for p, loss in zip(POINTS, (3.0, 1.0, 2.0, 4.0), strict=True)}
    board = score(Sweep("sft", Criterion("loss"), POINTS), points)
    assert board.best.point is POINTS[1]
    assert "how much of this is noise is not known" in verdict(board)


def test_the_table_shows_the_lead_with_its_interval_and_no_loss(tmp_path):
    board = score(SWEEP, entries(tmp_path))
    text = markdown(board, entries())
    assert "| **dpo-beta0.3-r8** | 0.3 | 8 | 80.0 | 71.1 to 86.7 |  |" in text
    assert "+10.0 (+5.5 to +17.4) points before the second, dpo-beta0.3-r16: more than noise" in text
    assert "confirm it on others" in text
    assert "loss" not in text
    rows = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert [row["best"] for row in rows] == ["0", "0", "1", "0"]
    assert float(rows[0]["to_best_value"]) == pytest.approx(-0.2)


@pytest.mark.parametrize("points", [POINTS, POINTS[:1] + POINTS[2:3]])
def test_the_figure_is_an_svg_that_holds_every_value(tmp_path, points):
    if len(points) == 2:  # one key: points with intervals
        points = tuple(Point(p.stage, {"beta": p.values["beta"]}) for p in points)
    board = score(Sweep("dpo", SWEEP.criterion, points), entries())
    sweep_figure.save(board, tmp_path / "a.svg")
    sweep_figure.save(board, tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    ET.fromstring(text)
    assert "beta" in text
    assert all(f"{100 * s.value:.1f}" in text for s in board.scores) or len(points) == 2


def test_a_metric_that_no_manifest_has_is_an_error_with_the_valid_ones():
    with pytest.raises(
        ConfigError, match="'reward_acuracy': the manifest of dpo-1 has no such figure; it has reward_accura"
    ):
        check_metric(Criterion("reward_acuracy"), "dpo-1", {"reward_accuracy": 0.5, "loss": 1.0, "loss_of": "x"})


def evaluated(paths: list[Path]) -> dict[str, RungResult]:
    return {
        point.stage: dataclasses.replace(rung({}), evaluation=path) for point, path in zip(POINTS, paths, strict=False)
    }


def test_the_best_point_on_a_metric_where_lower_is_better_is_the_lowest(tmp_path):
    counts = (30, 5, 60)
    paths = [
        scored_run(tmp_path / str(n), {"refused": (np.arange(120) < n).astype(float)}, higher={"refused": False})
        for n in counts
    ]
    board = score(Sweep("dpo", Criterion("refused", "t"), POINTS[:3]), evaluated(paths))
    assert board.best.point is POINTS[1]
    assert "+20.8 (+14.5 to +28.9) points before the second, dpo-beta0.1-r8: more than noise" in verdict(board)


def test_a_criterion_on_a_task_with_several_filters_names_one(tmp_path):
    paths = [
        scored_run(tmp_path / str(n), {"acc": (np.arange(90) < n).astype(float)}, filters=("strict", "flexible"))
        for n in (30, 40)
    ]
    points = evaluated(paths)
    with pytest.raises(ConfigError, match="add filter: to the criterion, one of strict, flexible"):
        score(Sweep("dpo", Criterion("acc", "t"), POINTS[:2]), points)
    board = score(Sweep("dpo", Criterion("acc", "t", "flexible"), POINTS[:2]), points)
    assert "| t, flexible, acc % |" in markdown(board, points)
    assert board.best.point is POINTS[1]


def test_the_table_of_a_sweep_shows_the_unread_share(tmp_path):
    paths = [scored_run(tmp_path / str(n), {"acc": np.ones(8), "parsed": np.arange(8) < n}) for n in (8, 6)]
    text = markdown(score(Sweep("dpo", Criterion("acc", "t"), POINTS[:2]), evaluated(paths)), evaluated(paths))
    assert "| unread % |" in text
    assert text.count("| 25.0 |") == 1
