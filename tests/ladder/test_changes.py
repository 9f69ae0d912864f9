"""Why a step is made again, in words; no model and no task is loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcqa_suite.common.manifest import Data, TaskData
from mcqa_suite.ladder.changes import data_changes, setting_changes, summary, task_changes, without_files

PLAN = [{"tasks": ["mcqa_epfl", "mcqa_arc"], "limit": 10.0, "gen_kwargs": {"temperature": 0.7, "until": ["\nQ:"]}}]
EPFL = TaskData(0, "mcqa_epfl", "1.0", "exam.jsonl", 50, "d1", 5, "e1", "y1")
GSM8K = TaskData(0, "mcqa_gsm8k", "1.1", "openai/gsm8k", 1319, "d2", 8, "e2", "y2")


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ({"limit": 15.0}, "evaluate[0].limit: 10 -> 15"),
        ({"limit": None}, "evaluate[0].limit: 10 -> none"),
        ({"tasks": ["mcqa_epfl", "mcqa_arc", "mcqa_sciq"]}, "evaluate[0].tasks: + mcqa_sciq"),
        ({"tasks": ["mcqa_arc", "mcqa_sciq"]}, "evaluate[0].tasks: + mcqa_sciq, - mcqa_epfl"),
        (
            {"tasks": ["mcqa_arc", "mcqa_epfl"]},
            'evaluate[0].tasks: ["mcqa_epfl", "mcqa_arc"] -> ["mcqa_arc", "mcqa_epfl"]',
        ),
        ({"gen_kwargs": {"temperature": 1.0, "until": ["\nQ:"]}}, "evaluate[0].gen_kwargs.temperature: 0.7 -> 1"),
        ({"gen_kwargs": {"temperature": 0.7, "until": ["\n"]}}, r'evaluate[0].gen_kwargs.until: "\nQ:" -> "\n"'),
        ({"metadata": {"seed": 2}}, "evaluate[0].metadata.seed: none -> 2"),
        ({"optional": True}, "evaluate[0].optional: none -> true"),
    ],
)
def test_a_changed_plan_names_the_innermost_key(now, line):
    assert list(setting_changes(PLAN, [{**PLAN[0], **now}], "evaluate")) == [line]


def test_an_entry_of_the_plan_that_came_or_went_is_named_by_its_tasks():
    longer = [*PLAN, {"tasks": ["mcqa_sciq"]}]
    assert list(setting_changes(PLAN, longer, "evaluate")) == ["evaluate: + mcqa_sciq"]
    assert list(setting_changes(longer, PLAN, "evaluate")) == ["evaluate: - mcqa_sciq"]


STAGE = {
    "seed": 0,
    "trainer": {"learning_rate": 0.002, "loss_type": ["sigmoid"], "betas": [0.9, 0.99]},
    "lora": None,
    "data": [{"source": "epfl", "n": 100}],
}


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ({"seed": 7}, "seed: 0 -> 7"),
        ({"trainer": {**STAGE["trainer"], "learning_rate": 5e-6}}, "trainer.learning_rate: 0.002 -> 5e-6"),
        (
            {"trainer": {**STAGE["trainer"], "learning_rate": 0.00212345678}},
            "trainer.learning_rate: 0.002 -> 0.00212345678",
        ),
        ({"trainer": {**STAGE["trainer"], "loss_type": ["robust"]}}, "trainer.loss_type: sigmoid -> robust"),
        ({"trainer": {**STAGE["trainer"], "betas": [0.9, 0.95]}}, "trainer.betas: [0.9, 0.99] -> [0.9, 0.95]"),
        ({"lora": {"r": 8}}, "lora.r: none -> 8"),
        ({"data": [{"source": "epfl", "n": 200}]}, "data[0].n: 100 -> 200"),
        ({"data": [*STAGE["data"], {"source": "sciq", "n": 5}]}, "data: + sciq"),
        ({"full": True}, "full: none -> true"),
    ],
)
def test_a_changed_setting_of_a_stage_names_the_innermost_key(now, line):
    assert list(setting_changes(STAGE, {**STAGE, **now})) == [line]


def test_long_values_are_cut_where_they_begin_to_differ():
    before, now = ("one long instruction that goes on and on until it ends in " + end for end in ("A.", "B."))
    (line,) = setting_changes({"prompt": before}, {"prompt": now})
    assert line == "prompt: ...on until it ends in A. -> ...on until it ends in B."


def test_two_changes_are_named_and_the_others_counted():
    changes = [f"{key}: 0 -> 1" for key in "abcde"]
    assert summary(changes[:1]) == "a: 0 -> 1"
    assert summary(changes[:2]) == "a: 0 -> 1; b: 0 -> 1"
    assert summary(changes) == "a: 0 -> 1; b: 0 -> 1; and 3 more"


def test_changed_rows_name_their_source():
    before = [Data("epfl", 100, "1"), Data("sciq", 10, "2")]
    assert list(data_changes(before, before)) == []
    assert list(data_changes(before, [Data("epfl", 90, "3"), before[1]])) == [
        "rows of epfl changed (100 rows -> 90 rows)"
    ]
    assert list(data_changes(before, [before[0], Data("sciq", 10, "3")])) == ["rows of sciq changed (10 rows)"]
    assert list(data_changes(before, before[:1])) == ["data: - sciq"]


def changed(before, now, plan=PLAN, plan_now=PLAN):
    return list(task_changes(before, now, plan, plan_now))


@pytest.mark.parametrize(
    ("task", "now", "line"),
    [
        (EPFL, {"documents": "x", "n": 20}, "questions of mcqa_epfl changed (exam.jsonl: 50 rows -> 20 rows)"),
        (EPFL, {"documents": "x"}, "questions of mcqa_epfl changed (exam.jsonl: 50 rows)"),
        (
            EPFL,
            {"documents": "x", "n": 20, "source": "sample.jsonl"},
            "questions of mcqa_epfl changed (exam.jsonl: 50 rows -> sample.jsonl: 20 rows)",
        ),
        (EPFL, {"examples": "x"}, "few-shot examples of mcqa_epfl changed (5 rows)"),
        (EPFL, {"yaml": "x"}, "YAML of mcqa_epfl changed"),
        (EPFL, {"yaml": "x", "version": "1.1"}, "YAML of mcqa_epfl changed (version 1.0 -> 1.1)"),
        (GSM8K, {"documents": "x"}, "data set openai/gsm8k changed (1,319 rows)"),
        (GSM8K, {"examples": "x"}, "data set openai/gsm8k changed (1,319 rows)"),
        (GSM8K, {"documents": "x", "n": 9}, "data set openai/gsm8k changed (1,319 rows -> 9 rows)"),
    ],
)
def test_what_a_task_reads_is_named_when_it_changed(task, now, line):
    assert changed([EPFL, GSM8K], [replace(other, **now) if other is task else other for other in (EPFL, GSM8K)]) == [
        line
    ]


def test_another_name_or_place_of_the_same_content_is_no_change():
    assert changed([EPFL], [replace(EPFL, source="renamed.jsonl")]) == []


def test_the_tasks_of_one_data_set_are_one_change():
    subjects = [replace(EPFL, task=f"mcqa_mmlu_stem_{name}", source="cais/mmlu") for name in "abc"]
    now = [replace(task, documents="x", yaml="x") for task in subjects]
    assert changed(subjects, now) == [
        "data set cais/mmlu changed (3 tasks)",
        "YAML of mcqa_mmlu_stem_a, mcqa_mmlu_stem_b and 1 more changed",
    ]


def test_few_shot_examples_that_are_newly_shown_are_explained_by_the_plan():
    assert changed([replace(EPFL, shots=0, examples="")], [EPFL]) == []


def test_a_new_member_of_a_group_is_named_and_one_that_the_plan_names_is_not():
    assert changed([EPFL], [EPFL, GSM8K]) == ["tasks: + mcqa_gsm8k"]
    assert changed([EPFL, GSM8K], [EPFL]) == ["tasks: - mcqa_gsm8k"]
    assert changed([EPFL], [EPFL, GSM8K], plan_now=[{**PLAN[0], "tasks": ["mcqa_epfl", "mcqa_gsm8k"]}]) == []


def test_metadata_that_changed_explains_other_questions():
    now = [replace(EPFL, documents="x")]
    assert changed([EPFL], now, plan_now=[{**PLAN[0], "metadata": {"seed": 2}}]) == []


def test_an_entry_that_cannot_be_loaded_now_is_no_change_and_one_that_could_not_be_is():
    assert changed([EPFL], []) == []
    assert changed([], [EPFL]) == ["mcqa_epfl can be loaded now"]


def test_a_plan_is_recorded_without_the_names_of_files():
    entry = {"tasks": ("mcqa_epfl",), "metadata": {"epfl_file": "/home/me/exam.jsonl"}}
    assert without_files([entry, {**entry, "metadata": {"rules": "/r.jsonl", "seed": 1}}]) == [
        {"tasks": ["mcqa_epfl"]},
        {"tasks": ["mcqa_epfl"], "metadata": {"seed": 1}},
    ]
