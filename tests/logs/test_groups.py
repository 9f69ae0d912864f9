"""How a group is averaged: by its settings, else by the rule whose mean is closest to the logged one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.log_files import choice_rows, questions, write_run

from mcqa_suite.cli.main import main
from mcqa_suite.logs.groups import TaskScores, read_groups, tasks_of, times_in_groups

SCORES = {"a": np.repeat([1.0, 0.0], [30, 270]), "b": np.repeat([1.0, 0.0], [80, 20])}  # .1 of 300, .8 of 100
POOLED, MEAN = 110 / 400, 0.45


def mean_of(value, settings=None, section="configs", complete=True, subtasks=("a", "b")):
    results = {
        "configs": {},
        "group_subtasks": {"g": list(subtasks)},
        "groups": {"g": {"acc,none": value, "acc_stderr,none": 0.01}},
    }
    results.setdefault(section, {}).setdefault("g", {})
    if settings:
        results[section]["g"]["aggregate_metric_list"] = settings
    scores = {task: TaskScores(values, complete) for task, values in SCORES.items()}
    group = read_groups(
        Path("r.json"), results, lambda task, key: scores.get(task) if key == ("acc", "none") else None
    )["g"]
    return group.means.get(("acc", "none")) or group.unclear["acc", "none"]


@pytest.mark.parametrize("section", ["configs", "group_configs", "groups"])
@pytest.mark.parametrize("by_size", [True, False])
@pytest.mark.parametrize("value", [POOLED, MEAN, 0.3])
def test_settings_decide_whatever_the_value(section, by_size, value):
    mean = mean_of(value, [{"metric": "acc", "weight_by_size": by_size}], section)
    assert mean.by_size == by_size
    assert mean.words == ("pooled" if by_size else "mean")


def test_settings_are_those_of_the_metric_and_filter():
    listed = [{"metric": "acc_norm", "weight_by_size": False}, {"metric": "acc", "filter_list": ["strict"]}]
    assert mean_of(MEAN, listed).by_size is False  # by its value: no entry is for (acc, none)
    assert mean_of(MEAN, {"metric": "acc", "filter_list": "none"}).by_size is True  # the harness's default


def test_an_aggregation_that_is_no_mean_is_named():
    assert mean_of(MEAN, [{"metric": "acc", "aggregation": "dwacc"}]) == "its aggregation is dwacc"


@pytest.mark.parametrize(("value", "by_size"), [(POOLED, True), (MEAN, False), (0.2751, True), (0.4497, False)])
def test_without_settings_the_closest_rule_counts_also_for_a_rounded_mean(value, by_size):
    assert mean_of(value).by_size is by_size


def test_a_mean_that_fits_no_rule_is_unclear_unless_samples_are_missing():
    assert mean_of(0.4321).startswith("its logged mean, 0.4321, is neither")
    assert mean_of(0.4321, complete=False).by_size is False


def test_weights_that_two_tasks_imply_are_kept():
    mean = mean_of((3 * 0.8 + 0.1) / 4)
    assert (mean.words, mean.weights({"a": 300, "b": 100})) == ("mean weighted 1:3", [1, 3])


def test_a_task_counts_as_often_as_groups_lead_to_it():
    members = {"g": ["a", "s", "t"], "s": ["a", "b"], "t": ["s", "s"]}
    assert times_in_groups(members) == {"g": {"a": 4, "b": 3}, "s": {"a": 1, "b": 1}, "t": {"a": 2, "b": 2}}


def test_a_group_that_lists_its_own_name_has_a_task_of_that_name():
    assert times_in_groups({"a": ["a", "b"]}) == {"a": {"a": 1, "b": 1}}


def chain(length, listed):
    """Groups inside each other; `listed` makes what each lists of the name of the next."""
    return {f"g{i}": listed(f"g{i + 1}") for i in range(length)} | {f"g{length}": ["a"]}


WIDE = {f"b{i}": [f"t{j}" for j in range(200)] for i in range(100)}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({f"g{i}": [f"g{j}" for j in range(30) if j != i] for i in range(30)}, "groups inside each other: g"),
        ({"g": ["a", "t"], "t": ["g"]}, "groups inside each other: "),
        (chain(60, lambda inner: [inner] * 10), "counts task a more than 1,000 times"),
        (chain(20, lambda inner: [inner, inner]), "counts task a more than 1,000 times"),
        ({"g": ["a"] * 5000}, "group g counts task a more than 1,000 times"),
        (WIDE | {f"a{i}": list(WIDE) for i in range(100)}, "groups lead to tasks in more than 1,000,000 ways"),
    ],
)
def test_groups_that_no_harness_writes_are_refused_in_one_line(tmp_path, capsys, members, message):
    scores, gold = questions(20)
    run = write_run(tmp_path / "run", {"a": choice_rows("a", scores, gold)}, group_subtasks=members)
    assert main(["table", str(run)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.endswith("; correct group_subtasks in this file\n")
    assert error.count("\n") == 1


def test_many_groups_inside_one_another_are_read(tmp_path, capsys):
    scores, gold = questions(20)
    members = chain(3000, lambda inner: [inner])
    run = write_run(tmp_path / "run", {"a": choice_rows("a", scores, gold)}, group_subtasks=members)
    assert main(["table", str(run)]) == 0
    assert "| run | 1 |" in capsys.readouterr().out


def test_weights_are_left_out_where_every_document_has_the_same():
    mean = mean_of(POOLED)
    assert mean.unless_pooled({"a": 300, "b": 100}, [300, 100]) is None
    assert mean.unless_pooled({"a": 300, "b": 100}, [299, 100]) is None
    assert mean.unless_pooled({"a": 300, "b": 100}, [100, 100]) == [300, 100]


def test_settings_of_a_group_are_no_task():
    configs = {"a": {"output_type": "multiple_choice"}, "g": {"aggregate_metric_list": []}}
    assert tasks_of({"configs": configs, "group_subtasks": {"g": ["a"], "a": []}}) == ["a"]


def recorded_group(value, by_size=True, **changes):
    """A group of which the results file has the settings, its own value and those of its tasks."""
    tasks = {"a": (0.1, 300), "b": (0.8, 100)}
    listed = [{"metric": "acc", "weight_by_size": by_size}]
    results = {
        "configs": {task: {"output_type": "multiple_choice"} for task in tasks},
        "results": {task: {"acc,none": mean, "sample_len": n} for task, (mean, n) in tasks.items()},
        "groups": {"g": {"acc,none": value}},
        "group_subtasks": {"g": ["a", "b"]},
        "group_configs": {"g": {"aggregate_metric_list": listed}},
    }
    return read_groups(Path("r.json"), results | changes, lambda task, key: None)["g"]


@pytest.mark.parametrize(("by_size", "value"), [(True, POOLED), (False, MEAN)])
def test_a_logged_mean_that_its_tasks_do_not_give_is_a_fault_and_no_mean(by_size, value):
    assert recorded_group(value, by_size).faults == {}
    assert recorded_group(value + 4e-4, by_size).means["acc", "none"].by_size is by_size  # rounded
    group = recorded_group(0.95, by_size)
    words = f"the results file says acc 0.9500, its values of the tasks give {value:.4f}"
    assert group.faults["acc", "none"].detail == group.unclear["acc", "none"] == words
    assert group.means == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"results": {"a": {"acc,none": 0.1, "sample_len": 300}, "b": {"sample_len": 100}}},
        {"results": {"a": {"acc,none": 0.1, "sample_len": 300}, "b": {"acc,none": 0.8}}},
        {"configs": {"a": {"metric_list": [{"metric": "acc", "aggregation": "worst"}]}, "b": {}}},
        {"configs": {"a": {}}},
        {"group_configs": []},
        {"group_configs": {"g": 5}},
    ],
)
def test_a_logged_mean_is_not_checked_where_the_file_does_not_say_enough(changes):
    assert recorded_group(0.6, **changes).faults == {}


def test_a_filter_that_is_no_name_is_for_no_filter():
    assert mean_of(MEAN, [{"metric": "acc", "filter_list": 5, "weight_by_size": True}]).by_size is False  # by its value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, 0.95, 0.05])
def test_a_mean_outside_the_values_of_its_tasks_is_a_fault(value):
    tasks = {"a": {"acc,none": 0.1}, "b": {"acc,none": 0.8}}
    results = {"configs": {"a": {}, "b": {}}, "results": tasks, "groups": {"g": {"acc,none": value}}}
    results["group_subtasks"] = {"g": ["a", "b"]}
    scores = {task: TaskScores(values, True) for task, values in SCORES.items()}
    (fault,) = read_groups(Path("r.json"), results, lambda task, key: scores.get(task))["g"].faults.values()
    assert fault.invalid
    assert fault.detail.endswith("its values of the tasks are 0.1000 to 0.8000")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_mean_that_is_no_number_is_unclear(value):
    assert mean_of(value).endswith("is no number")
