"""ARC grids as training rows: views and swapped pairs of the training tasks, and none of the evaluation tasks."""

from __future__ import annotations

import pytest

from mcqa_suite import grids
from mcqa_suite.training_data.sources import Source, rows


@pytest.mark.slow
def test_arc_grids_come_in_views_and_with_each_demonstration_as_the_test():
    plain = rows(Source("arc_grids", config="arc_agi_1"))
    more = rows(Source("arc_grids", config="arc_agi_1", views=8, swap=True, encoder="plain+rows"))
    assert {row["group"] for row in more} == {row["group"] for row in plain}
    assert len({row["id"] for row in more}) == len(more)
    first = plain[0]["group"]
    task = next(grids.load_tasks(1, "training"))
    assert sum(row["group"] == first for row in more) == 8 * (len(task.test) + len(task.train))
    for row in more[:200]:
        grids.encoder("plain+rows").decode(row["completion"])


@pytest.mark.slow
def test_no_arc_grid_comes_from_an_evaluation_task(caplog):
    result = rows(Source("arc_grids", config="arc_agi_2"))
    trained = {row["group"].removeprefix("arc/") for row in result}
    evaluated = {row["task_id"] for release in (1, 2) for row in grids.load(release, "evaluation")}
    assert len({row["task_id"] for row in grids.load(2, "training")} & evaluated) == 376
    assert len(trained) == 1000 - 376
    assert "arc_agi_2: 376 tasks left out, which ARC-AGI-1 evaluates on" in caplog.text
    assert not trained & evaluated


@pytest.mark.slow
def test_evaluation_tasks_are_rows_where_they_are_asked_for():
    for release, n in ((1, 400), (2, 120)):
        result = rows(Source("arc_grids", config=f"arc_agi_{release}_evaluation"))
        assert {row["group"].removeprefix("arc/") for row in result} == {
            row["task_id"] for row in grids.load(release, "evaluation")
        }
        assert len({row["group"] for row in result}) == n
