"""Logs of Inspect, written by Inspect and its mock model (inspect_0.3/make.py), are runs like those of the harness."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.browser_runs import section, unpacked
from helpers.inspect_logs import BASE, SUMS, VARIANT, needs_inspect, only

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.logs.inspect_rows import document_number, number_of
from mcqa_suite.logs.runs import read_run


@needs_inspect
def test_two_logs_of_a_choice_task_are_compared_question_by_question():
    [row] = mcqa_suite.compare(BASE, VARIANT).to_frame().to_dict("records")
    assert (row["task"], row["filter"], row["n"], row["chance"]) == ("sums_choice", "choice", 12, 0.25)
    assert (row["base"], row["value"], row["unread_base"]) == pytest.approx((10 / 12, 10 / 12, 2 / 12))
    assert (row["right_to_wrong"], row["wrong_to_right"]) == (2, 2)


@needs_inspect
def test_the_samples_have_prompts_responses_answers_and_how_each_was_read():
    frame = mcqa_suite.load_run(BASE).samples().set_index("target")
    assert frame["filter"].unique().tolist() == ["choice"]
    assert frame.loc["A", "prompt"].iloc[0].endswith("What is 0 + 4?\n\nA) 4\nB) 5\nC) 6\nD) 7")
    statuses = frame.set_index("response")["status"]
    assert (statuses["I cannot say."], statuses[""], statuses["ANSWER: D"].iloc[0]) == ("none", "empty", "answered")
    assert frame["acc"].sum() == 10


@needs_inspect
def test_both_formats_of_a_log_give_the_same_run(changed):
    first, second = only(BASE), only(changed(lambda log: None, name="base.json"))
    for name in ("doc_id", "hashes", "gold", "letter", "answer", "response", "cluster"):
        assert np.array_equal(getattr(first.samples, name), getattr(second.samples, name)), name
    assert first.settings == second.settings
    assert first.faults == second.faults == ()


@needs_inspect
def test_epochs_are_the_responses_of_one_question_and_their_mean_is_its_score():
    log = only(SUMS, "match")
    assert log.samples.doc_id.tolist() == list(range(1, 13))
    assert log.samples.scores["acc"].tolist() == [0.5, 1.0, 1.0] * 4
    assert log.settings["repeats"] == 2
    frame = mcqa_suite.load_run(SUMS).samples()
    assert frame.loc[frame["doc_id"] == 1, "response"].item() == ["The sum is 4.", "The sum is 5."]


@needs_inspect
def test_epochs_are_voted_on_and_extracted_again(tmp_path, capsys):
    from mcqa_suite.logs.log_row import Columns

    votes = mcqa_suite.vote(SUMS, n=[1, 2], columns=Columns("numbers")).to_frame()
    assert set(votes["n"]) == {1, 2}
    assert main(["extract", str(BASE), "--output", str(tmp_path / "again.jsonl")]) == 0
    assert len((tmp_path / "again.jsonl").read_text().splitlines()) == 12
    assert "choice" in capsys.readouterr().out


@needs_inspect
def test_a_reducer_other_than_the_mean_is_a_metric_of_its_own(changed):
    def reduce(log):
        log.reductions[0].reducer = log.results.scores[0].reducer = "max"
        for score in log.reductions[0].samples:
            score.value = 1.0

    log = only(changed(reduce, SUMS), "match")
    assert log.samples.scores["max"].tolist() == [1.0] * 12
    assert log.samples.scores["acc"].mean() == pytest.approx(10 / 12)
    assert log.faults == ()


@needs_inspect
def test_table_and_report_take_logs_and_name_them_by_their_model(tmp_path, capsys):
    assert main(["table", str(BASE), str(VARIANT)]) == 0
    out = capsys.readouterr().out
    assert "| base" in out
    assert "| variant" in out
    page = tmp_path / "r.html"
    assert main(["report", str(BASE), str(VARIANT), "--base", str(BASE), "-o", str(page)]) == 0
    assert "inspect eval sums_choice --model mockllm/variant" in page.read_text()


@needs_inspect
def test_the_sample_browser_shows_questions_options_and_answers():
    items, _ = unpacked(section(BASE, VARIANT))
    *_, gold, question, cells = next(item for item in items if item[4][0] == "sum-5")
    assert (gold, question) == ([1], ["sum-5", ["What is 15 + 9?"], [["23"], ["24"], ["25"], ["26"]]])
    assert [cell[4][0][:3] for cell in cells] == [["answered", "choice", "B"], ["answered", "choice", "A"]]


@needs_inspect
def test_the_report_names_no_folder_of_a_local_model(changed, tmp_path):
    log = changed(lambda log: setattr(log.eval, "model", "hf//home/someone/sft"), VARIANT, "local.json")
    mcqa_suite.report(BASE, log, base=BASE, output=tmp_path / "r.html")
    assert "inspect eval sums_choice --model sft" in (text := (tmp_path / "r.html").read_text())
    assert "someone" not in text


@needs_inspect
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda log: setattr(log.plan.config, "temperature", 0.7), '"temperature": 0.7'),
        (lambda log: setattr(log.eval.model_generate_config, "top_p", 0.5), '"top_p": 0.5'),
        (lambda log: log.plan.steps[0].params.update(cot=True), "solver: "),
        (lambda log: log.results.scores[0].params.update(strict=True), "filter: "),
        (lambda log: log.eval.packages.update(inspect_ai="0.4.0"), "harness version: "),
        (lambda log: setattr(log.eval.config, "epochs", 3), "repeats: "),
    ],
)
def test_logs_that_were_asked_differently_are_refused_with_the_setting(changed, capsys, change, words):
    assert main(["compare", str(BASE), str(changed(change, VARIANT, "other.json"))]) == 2
    assert words in capsys.readouterr().err


@needs_inspect
def test_how_a_request_is_sent_is_no_difference(changed):
    log = changed(lambda log: setattr(log.plan.config, "max_connections", 50), VARIANT, "other.json")
    assert len(mcqa_suite.compare(BASE, log).to_frame()) == 1


@needs_inspect
def test_another_prompt_document_or_target_is_no_pair(changed, capsys):
    def change(log):
        log.samples[0].messages[0].content += " Hurry."
        log.samples[1].choices[0] = "17"
        log.samples[2].target = "D"
        log.samples[2].scores["choice"].value = "I"
        log.samples[2].scores["choice"].answer = "C"

    main(["compare", str(BASE), str(changed(change, BASE))])
    err = capsys.readouterr().err
    assert "1 with another document, 1 with another prompt, 1 with another target" in err


@needs_inspect
def test_several_scorers_are_filters_and_their_own_numbers_are_no_accuracy(changed):
    from inspect_ai.scorer import Score

    def change(log):
        for number, sample in enumerate(log.samples):
            sample.scores["f1"] = Score(value=number / 12 if number else float("nan"), answer="x")
            sample.scores["parts"] = Score(value={"style": 0.5, "length": 3})

    run = read_run(changed(change))
    assert {name for _, name in run.tasks} == {"choice", "f1", "parts"}
    f1, parts = run.tasks["sums_choice", "f1"], run.tasks["sums_choice", "parts"]
    assert (list(f1.samples.scores), f1.n, len(f1.samples.failed)) == (["f1"], 11, 1)
    assert parts.samples.scores["length"].tolist() == [3.0] * 12


@needs_inspect
def test_several_right_options_are_no_gold_and_several_chosen_ones_no_letter(changed):
    def change(log):
        sample = next(sample for sample in log.samples if sample.id == "sum-0")
        sample.target, sample.scores["choice"].answer = ["A", "C"], "A, C"

    log = only(changed(change))
    row = log.samples.doc_id.tolist().index(document_number("sum-0"))
    assert not log.samples.gold[row].any()
    assert log.samples.letter[row] == -1
    assert log.samples.answer[row] != 0
    assert log.faults == ()


@needs_inspect
def test_a_scorer_that_records_no_answers_leaves_none_unread_but_empty_ones(changed):
    def change(log):
        for sample in log.samples:
            sample.scores["choice"].answer = None

    assert only(changed(change)).samples.unread.sum() == 1


@needs_inspect
def test_metadata_is_in_the_documents_and_may_name_clusters(capsys):
    assert main(["compare", str(BASE), str(VARIANT), "--cluster", "subject"]) == 0
    assert "subject" in capsys.readouterr().out


@needs_inspect
def test_a_folder_is_a_run_of_one_model_and_several_are_offered_by_name(tmp_path, capsys):
    for path in (BASE, SUMS, VARIANT):
        (tmp_path / f"2026-01-0{len(path.name) % 9}T10-00-00+00-00_{path.name}").write_bytes(path.read_bytes())
    assert main(["table", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "mockllm/base and mockllm/sums and mockllm/variant" in err
    offered = err.rpartition("give one of ")[2].split(", ")[0]
    assert main(["table", offered.strip()]) == 0


@needs_inspect
def test_a_log_with_other_task_arguments_is_left_out_of_a_folder_with_a_note(changed, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "2026-01-02T10-00-00_new.eval").write_bytes(BASE.read_bytes())
    older = changed(lambda log: log.eval.task_args_passed.update(level="hard"))
    older.rename(folder / "2026-01-01T10-00-00_old.eval")
    [note] = read_run(folder).notes
    assert note.startswith("2026-01-01T10-00-00_old is left out: other arguments of the task; ")


@needs_inspect
def test_a_packed_run_has_the_log_as_it_is(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / BASE.name).write_bytes(BASE.read_bytes())
    assert main(["pack", str(folder), "-o", str(tmp_path / "packed")]) == 0
    assert (tmp_path / "packed" / BASE.name).read_bytes() == BASE.read_bytes()


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[
            ("C", 1.0),
            ("I", 0.0),
            ("P", 0.5),
            ("N", 0.0),
            (True, 1.0),
            (3, 3.0),
            ("0.25", 0.25),
            ("Yes", 1.0),
            ("FALSE", 0.0),
        ],
        *[("maybe", None), (float("nan"), None), ("inf", None), ([1], None), (None, None)],
    ],
)
def test_a_score_is_a_number_as_in_inspect_or_none(value, number):
    assert number_of(value) == number


def test_ids_are_the_same_numbers_in_every_log():
    assert [document_number(identity) for identity in (7, "7", -1)] == [7, 7, -1]
    numbers = {document_number(identity) for identity in ("sum-0", "sum-1", "007", "", "٣")}
    assert len(numbers) == 5
    assert all(0 <= number < 2**63 for number in numbers)
