"""A log that is missing samples, holds copies or contradicts itself is noticed when it is read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.log_files import SCORED, STAMP, choice_rows, digest, questions, write_run, written_row

from mcqa_suite.logs.agreement import pair_rows, refusal
from mcqa_suite.logs.integrity import REPEATED
from mcqa_suite.logs.runs import read_run

N = 200


def missing(rows, number):
    del rows[:number]


def added(rows, number):
    for i in range(number):
        rows.append(rows[i] | {"doc_id": N + i, "doc_hash": digest(f"new {i}")})


def copied(rows, number):
    for i in range(number):
        rows[-1 - i] = rows[i] | {"doc_id": rows[-1 - i]["doc_id"]}


def failed(rows, number):
    for row in rows[:number]:
        row["failed"] = "HTTP 500"
        del row["acc"]


def contradicting(rows, number):
    for row in rows[:number]:
        row["acc"] = 1 - row["acc"]


def infinite(rows, number):
    for row in rows[:number]:
        row["filtered_resps"] = [["nan", "False"], *row["filtered_resps"][1:]]
        row["resps"] = [[pair] for pair in row["filtered_resps"]]
        row["acc"] = float(row["doc"]["gold"] == [0])  # NaN is the largest to argmax


FAULTS = {
    "samples missing": missing,
    "samples added": added,
    "samples copied": copied,
    "failed": failed,
    "contradiction": contradicting,
    "non-finite": infinite,
}
ALWAYS = ("samples added", "contradiction", "non-finite")  # which no number of samples makes harmless


def read(folder, rows, **overrides):
    """The only task of a run whose results file speaks of N samples."""
    count = {"n-samples": {"t": {"original": N, "effective": N}}, "results": {"t": {"sample_len": N}}}
    (task,) = read_run(write_run(folder, {"t": rows}, **(count | overrides))).tasks.values()
    return task


def test_a_whole_log_has_no_fault(tmp_path):
    assert read(tmp_path, choice_rows("t", *questions(N))).faults == ()


@pytest.mark.parametrize("number", [2, 3, 60])
@pytest.mark.parametrize("condition", FAULTS)
def test_each_fault_is_named_and_invalid_beyond_one_per_cent(tmp_path, condition, number):
    rows = choice_rows("t", *questions(N))
    FAULTS[condition](rows, number)
    (fault,) = read(tmp_path, rows).faults
    most = N * REPEATED if condition == "samples copied" else 2
    assert (fault.condition, fault.invalid) == (condition, condition in ALWAYS or number > most)
    assert str(number if condition not in ("samples missing", "samples added") else N) in fault.detail


def test_repeated_documents_that_no_id_joins_are_not_trusted(tmp_path):
    rows = choice_rows("t", *questions(N))
    copied(rows, 3)
    for row in rows:
        row["doc"].pop("id", None)
    (fault,) = read(tmp_path, rows).faults
    assert (fault.condition, fault.invalid) == ("samples copied", True)


def test_a_run_written_twice_under_new_ids_is_copied_even_where_the_results_file_agrees(tmp_path):
    rows = choice_rows("t", *questions(N // 2))
    rows += [row | {"doc_id": row["doc_id"] + N // 2} for row in rows]
    assert [(fault.condition, fault.invalid) for fault in read(tmp_path, rows).faults] == [("samples copied", True)]


@pytest.mark.parametrize(("shift", "conditions"), [(0.0, []), (4e-5, []), (0.01, ["other results"])])
def test_a_results_value_that_its_samples_do_not_give_is_a_fault(tmp_path, shift, conditions):
    rows = choice_rows("t", *questions(N))
    mean = float(np.mean([row["acc"] for row in rows]))
    task = read(tmp_path, rows, results={"t": {"acc,none": mean + shift, "acc_stderr,none": 0.03}})
    assert [fault.condition for fault in task.faults] == conditions


@pytest.mark.parametrize(
    ("lost", "shift", "conditions"),
    [
        (1, 0.0, ["samples missing"]),
        (2, 0.0, ["samples missing"]),
        (1, 0.01, ["samples missing", "other results"]),
    ],
)
def test_the_mean_of_all_samples_may_be_as_far_away_as_the_missing_ones_make_it(tmp_path, lost, shift, conditions):
    rows = choice_rows("t", *questions(N))
    mean = float(np.mean([row["acc"] for row in rows]))
    rows = sorted(rows, key=lambda row: -row["acc"])[lost:]  # right ones
    task = read(tmp_path, rows, results={"t": {"acc,none": mean + shift, "sample_len": N}})
    assert [(fault.condition, fault.invalid) for fault in task.faults] == [
        (condition, condition == "other results") for condition in conditions
    ]


def test_a_metric_that_is_no_mean_is_not_recomputed(tmp_path):
    metrics = [{"metric": "acc", "aggregation": "<function worst at 0x7f>"}]
    configs = {"t": {"output_type": "multiple_choice", **SCORED, "metric_list": metrics}}
    assert (
        read(tmp_path, choice_rows("t", *questions(N)), results={"t": {"acc,none": 0.1}}, configs=configs).faults == ()
    )


def test_releases_that_count_fewer_samples_than_they_log_are_believed(tmp_path):
    """0.4.8 to 0.4.11 give all documents as `effective` under --samples; failed items may be in `sample_len` or not."""
    rows = choice_rows("t", *questions(50))
    assert read(tmp_path / "a", rows, results={"t": {"sample_len": 50}}).faults == ()
    rows = choice_rows("t", *questions(N))
    failed(rows, 1)
    assert [f.condition for f in read(tmp_path / "b", rows, results={"t": {"sample_len": N - 1}}).faults] == ["failed"]


def test_a_foreign_target_that_may_mean_something_else_is_a_warning(tmp_path):
    rows = choice_rows("t", *questions(N))
    for row in rows:
        row["doc"] = {"question": "?"}
        row["target"] = str((int(row["target"]) + 1) % 4)  # counted from 1, say
    task = read(tmp_path, rows)
    assert [(fault.condition, fault.invalid) for fault in task.faults] == [("unclear gold", False)]
    assert not (task.samples.gold[task.samples.scores["acc"] == 1] != 0).any()


def test_a_few_foreign_targets_that_contradict_the_accuracy_are(tmp_path):
    rows = choice_rows("t", *questions(N))
    for row in rows:
        row["doc"] = {"question": "?"}
    contradicting(rows, 18)
    assert [fault.condition for fault in read(tmp_path, rows).faults] == ["contradiction"]


def test_a_written_answer_may_contradict_its_score_too(tmp_path):
    rows = [written_row("t", i, "ABCD"[i % 4], i % 4) for i in range(N)]
    rows[7]["acc"] = 0.0
    assert [fault.condition for fault in read(tmp_path, rows).faults] == ["contradiction"]
    for row in rows:  # what another filter logged need not be a letter
        row["filtered_resps"] = ["(B) because"]
    assert read(tmp_path, rows).faults == ()


def test_option_lengths_that_the_log_does_not_hold_contradict_nothing(tmp_path):
    rows = choice_rows("t", *questions(N))
    for i, row in enumerate(rows):
        row |= {"arguments": {}, "acc_norm": float(i % 2), "metrics": ["acc", "acc_norm"]}
    assert read(tmp_path, rows).faults == ()


def test_letters_and_texts_that_were_scored_after_the_same_prompt_are_not_paired(tmp_path):
    letters = choice_rows("t", *questions(20))
    texts = json.loads(json.dumps(letters))
    for row in texts:
        for request in row["arguments"].values():
            request["arg_1"] += " and its text"
    unknown = [row | {"arguments": {}} for row in letters]
    first, second, third = (
        read(tmp_path / name, rows) for name, rows in (("a", letters), ("b", texts), ("c", unknown))
    )
    assert pair_rows(first.samples, second.samples)[2].continuations == 20
    assert pair_rows(first.samples, third.samples)[2].total == 0  # what a log does not say is no difference
    assert refusal(first, second, "a", "b") == "20 of 20 documents are not the same: 20 with other continuations"


@pytest.mark.parametrize("logged", [True, False])
def test_a_delimiter_matters_where_the_log_does_not_show_that_it_did_not(tmp_path, logged):
    rows = [row if logged else row | {"arguments": {}} for row in choice_rows("t", *questions(20))]
    first = read(tmp_path / "a", rows)
    second = read(tmp_path / "b", rows, configs={"t": {"output_type": "multiple_choice", "target_delimiter": ""}})
    assert refusal(first, second, "a", "b") == ("" if logged else 'target delimiter: " " (a), "" (b)')


def test_the_dtype_of_quantised_weights_is_no_reason_to_refuse(tmp_path):
    rows = choice_rows("t", *questions(20))
    first = read(tmp_path / "a", rows)
    half = {"model_dtype": "torch.float16", "model_num_parameters": 300}
    second = read(tmp_path / "b", rows, config={"model": "hf", **half})
    assert refusal(first, second, "a", "b") == ""
    third = read(tmp_path / "c", rows, config={"model": "hf", **half, "model_num_parameters": 1000})
    assert refusal(first, third, "a", "c") == "dtype: float32 (a), float16 (c)"


def test_dtype_and_length_are_read_from_the_arguments_of_a_model(tmp_path):
    arguments = "pretrained=m,dtype=bfloat16,max_length=512"
    for value in (arguments, dict(part.split("=") for part in arguments.split(","))):
        config = {"model": "hf", "model_args": value}
        task = read(tmp_path, choice_rows("t", *questions(4)), config=config, max_length=None)
        assert (task.settings["dtype"], task.settings["maximum length"]) == ("bfloat16", "512")


def test_filters_of_one_name_are_compared_from_where_they_differ(tmp_path):
    steps = [[{"function": "regex", "regex_pattern": f"{'x' * 100}{end}"}] for end in ("A", "B")]
    first, second = (
        read(
            tmp_path / name,
            choice_rows("t", *questions(4)),
            configs={"t": {"filter_list": [{"name": "none", "filter": step}]}},
        )
        for name, step in zip("ab", steps, strict=True)
    )
    words = refusal(first, second, "a", "b")
    assert words.startswith("filter: ...xxx")
    assert 'A"}] (a)' in words
    assert 'B"}] (b)' in words


def test_a_results_file_without_counts_and_values_finds_nothing_missing(tmp_path):
    folder = write_run(tmp_path, {"t": choice_rows("t", *questions(5))})
    (folder / f"results_{STAMP}.json").write_text('{"configs": {"t": {}}}', encoding="utf-8")
    assert read_run(folder).tasks["t", "none"].faults == ()


def under_new_ids(rows, **changes):
    """Every row four times, under other ids and with these `changes` of a row."""
    again = [row | {"doc_id": len(rows) * k + row["doc_id"]} for k in range(4) for row in rows]
    return [row | {name: digest(f"{name} {row['doc_id']}") for name in changes} for row in again]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("prompt_hash", "600 of 800 samples repeat the document of another one"),
        ("doc_hash", "600 of 800 samples repeat the prompt and the answer of another one"),
    ],
)
def test_samples_that_are_copied_with_another_hash_are_copies(tmp_path, change, words):
    rows = under_new_ids(choice_rows("t", *questions(N)), **{change: True})
    for row in rows:
        row["doc"] = row["doc"] | {"id": f"t/{row['doc_id']}"}  # rows that share it are one question
    (fault,) = read_run(write_run(tmp_path, {"t": rows})).tasks["t", "none"].faults
    assert (fault.condition, fault.detail, fault.invalid) == ("samples copied", words, True)


def test_rows_of_one_question_and_other_answers_to_one_prompt_are_no_copies(tmp_path):
    rows = [written_row("t", i, "A", 0, text=f"Answer {i}: A") | {"prompt_hash": digest("?")} for i in range(50)]
    assert read_run(write_run(tmp_path / "prompt", {"t": rows})).tasks["t", "extracted"].faults == ()
    rows = under_new_ids(choice_rows("t", *questions(20)), doc_hash=True)
    for row in rows:
        row["doc"] = row["doc"] | {"question_id": row["doc_id"] % 20, "view": row["doc_id"] // 20}
    assert read_run(write_run(tmp_path / "views", {"t": rows})).tasks["t", "none"].faults == ()


def test_a_row_that_is_marked_as_failed_without_a_reason_is_left_out(tmp_path):
    rows = choice_rows("t", *questions(N))
    rows[0]["failed"] = True
    task = read(tmp_path, rows)
    assert (task.n, list(task.samples.failed)) == (N - 1, [0])


def foreign_rows(doctored):
    """Rows of a foreign task whose document names its right option; `doctored` wrong ones are logged as right."""
    rows = choice_rows("t", *questions(N))
    for row in rows:
        gold = row["doc"]["gold"][0]
        row["doc"] = {
            "choices": row["doc"]["choices"],
            "answer": gold,
            "id": row["doc"]["id"],
        }
        row["target"] = str(gold)
    for row in [row for row in rows if not row["acc"]][:doctored]:
        row["acc"] = 1.0
    return rows


def test_many_wrong_rows_of_a_foreign_task_that_are_logged_as_right_are_a_contradiction(tmp_path):
    assert read(tmp_path / "whole", foreign_rows(0)).faults == ()
    (fault,) = read(tmp_path / "run", foreign_rows(40)).faults
    assert (fault.condition, fault.invalid) == ("contradiction", True)
    assert fault.detail.startswith("the accuracy of 40 of 200 samples")


def number_row(doc_id, answers, acc):
    extractions = [{"answer": answer, "status": "answered" if answer else "none"} for answer in answers]
    row = written_row("t", doc_id, "A", 0) | {"acc": acc, "doc": {"question": f"{doc_id}", "solution": "", "gold": "7"}}
    return row | {
        "filtered_resps": [[json.dumps(one) for one in extractions]],
        "resps": [[f"{answers}"] * len(answers)],
    }


@pytest.mark.parametrize(
    ("answers", "acc", "wrong"),
    [
        (["7"], 1.0, 0),
        (["7.0000001"], 1.0, 0),  # the rule of the extractor decides
        (["7"], 0.0, 1),
        (["13"], 1.0, 1),
        ([None], 1.0, 1),
        (["7", "13", None, "13"], 0.25, 0),
        (["7", "13", None, "13"], 1.0, 0),  # of the first
        (["7", "13", None, "13"], 0.5, 1),
    ],
)
def test_the_accuracy_of_a_number_is_that_of_its_own_answer(tmp_path, answers, acc, wrong):
    rows = [number_row(0, answers, acc), number_row(1, ["7"], 1.0)]
    assert read_run(write_run(tmp_path, {"t": rows})).tasks["t", "extracted"].samples.contradictions == wrong


def test_options_that_were_asked_for_and_not_kept_are_not_valid(tmp_path):
    rows = choice_rows("t", *questions(N))
    rows[3]["filtered_resps"] = rows[3]["filtered_resps"][:2]
    rows[3]["acc"] = float(
        rows[3]["doc"]["gold"][0]
        == int(float(rows[3]["filtered_resps"][1][0]) > float(rows[3]["filtered_resps"][0][0]))
    )
    (fault,) = read(tmp_path, rows).faults
    assert (fault.condition, fault.invalid) == ("options cut", True)


@pytest.mark.parametrize("number", [1, 60])
def test_a_log_likelihood_that_the_model_did_not_give_is_a_contradiction(tmp_path, number):
    rows = choice_rows("t", *questions(N))
    for row in rows[:number]:
        row["resps"][0] = [["-77.5", "False"]]
    (fault,) = read(tmp_path, rows).faults
    assert (fault.condition, fault.invalid) == ("contradiction", True)
    assert fault.detail == f"the log-likelihoods of {number} of 200 samples in filtered_resps are not those in resps"
