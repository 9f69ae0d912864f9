"""A logged exact_match is computed again from the answer and the target of its row, where the results file says how."""

from __future__ import annotations

import pytest
from helpers.log_files import SCORED, digest, write_run

from mcqa_suite.logs.exact_match import rule_of
from mcqa_suite.logs.runs import read_run

N = 100
GSM8K = {
    "metric": "exact_match",
    "aggregation": "mean",
    "higher_is_better": True,
    "ignore_case": True,
    "ignore_punctuation": False,
    "regexes_to_ignore": [",", "\\$", "(?s).*#### ", "\\.$"],
}
PLAIN = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}


def generated(doc_id, answer, target, right):
    return {
        "doc_id": doc_id,
        "doc": {"question": f"{doc_id}?", "answer": target},
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": "?", "arg_1": {"until": ["\n"]}}},
        "resps": [[f"So it is {answer}."]],
        "filtered_resps": [answer],
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": digest(f"{doc_id}"),
        "prompt_hash": digest(f"prompt {doc_id}"),
        "target_hash": digest(target),
        "exact_match": float(right),
    }


def faults_of(folder, rows, options=PLAIN, **config):
    config = {"output_type": "generate_until", "metric_list": [options], **SCORED, **config}
    (task,) = read_run(write_run(folder, {"t": rows}, configs={"t": config})).tasks.values()
    return [(fault.condition, fault.detail.split(" samples")[0]) for fault in task.faults]


def solved(number):
    """A GSM8K answer of 1,0xx, right in every second document."""
    answer = f"${1000 + number:,}." if number % 2 else "7"
    return generated(number, answer, f"Add them.\n#### {1000 + number}", number % 2)


def test_scores_that_the_rule_gives_contradict_nothing(tmp_path):
    assert faults_of(tmp_path / "gsm8k", [solved(i) for i in range(N)], GSM8K) == []
    rows = [generated(i, "Yes" if i % 3 else "yes!", "yes", i % 3 == 5) for i in range(N)]
    assert faults_of(tmp_path / "plain", rows) == []
    rows = [generated(i, "Yes" if i % 3 else "yes!", "yes", True) for i in range(N)]
    assert faults_of(tmp_path / "flags", rows, PLAIN | {"ignore_case": True, "ignore_punctuation": True}) == []


@pytest.mark.parametrize("row", [0, 1])
def test_one_score_that_the_rule_does_not_give_is_a_contradiction(tmp_path, row):
    rows = [solved(i) for i in range(N)]
    rows[row]["exact_match"] = 1 - rows[row]["exact_match"]
    detail = f"the accuracy of 1 of {N}"
    assert faults_of(tmp_path, rows, GSM8K) == [("contradiction", detail)]


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (PLAIN, {"process_results": "def process_results(doc, results): ..."}),
        (PLAIN, {"doc_to_choice": ["a", "b"]}),
        (PLAIN, {"output_type": "multiple_choice"}),
        (PLAIN | {"metric": "quasi_exact_match"}, {}),
        (PLAIN | {"regexes_to_ignore": ["(a+)+$"]}, {}),
        (PLAIN | {"regexes_to_ignore": ","}, {}),
        (PLAIN | {"ignore_spaces": True}, {}),
        (PLAIN, {"metric_list": None}),
        (PLAIN, {"metric_list": ["exact_match"]}),
    ],
)
def test_a_task_that_is_scored_in_another_way_has_no_rule(options, config):
    assert rule_of({"output_type": "generate_until", "metric_list": [options]}) is not None or options != PLAIN
    assert rule_of({"output_type": "generate_until", "metric_list": [options], **config}) is None


def test_a_task_with_several_right_targets_is_not_checked(tmp_path):
    """The harness compares a single target of such a task letter by letter, so no row of it is checked."""
    rows = [generated(i, "Paris", "['Paris', 'Paname']" if i else "Paris", True) for i in range(N)]
    rows[0]["exact_match"] = 0.0
    assert faults_of(tmp_path, rows) == []
