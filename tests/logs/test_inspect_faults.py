"""Logs of Inspect with failed samples, without an end or without answers, files that are no log, and no Inspect."""

from __future__ import annotations

import json
import zipfile

import pytest
from helpers.inspect_logs import BASE, SUMS, VARIANT, fail, needs_inspect, only

import mcqa_suite
from mcqa_suite.cli.main import main
from mcqa_suite.common import extras
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.runs import read_run


@needs_inspect
def test_samples_with_an_error_are_left_out_and_counted(changed, capsys):
    log = only(changed(lambda log: fail(log.samples[0])))
    assert (log.n, log.size) == (11, 12)
    [fault] = [fault for fault in log.faults if fault.condition == "failed"]
    assert fault.invalid
    assert fault.detail.startswith("1 of 12 items (8.3 %) got no answer")


@needs_inspect
def test_a_failed_epoch_is_named_and_the_others_count(changed):
    def change(log):
        fail(log.samples[0])
        log.results.completed_samples -= 1
        log.results.scores = []

    log = only(changed(change, SUMS), "match")
    assert log.n == 12
    assert [fault.line("x") for fault in log.faults] == [
        "x: warning (epochs failed): 1 of 24 answers failed; the mean of a question is over the others"
    ]


@needs_inspect
def test_a_sample_that_was_invalidated_does_not_count(changed):
    from inspect_ai.log import ProvenanceData

    def change(log):
        log.samples[0].invalidation = ProvenanceData(author="me", reason="wrong sandbox")

    failed = mcqa_suite.load_run(changed(change)).samples()["failed"].dropna()
    assert failed.tolist() == ["invalidated: wrong sandbox"]


@needs_inspect
def test_a_log_that_is_not_finished_is_not_valid_where_samples_are_missing(changed):
    from inspect_ai.log import EvalError

    def cancel(log):
        log.status, log.results, log.samples = "error", None, log.samples[:6]
        log.error = EvalError(message="killed", traceback="", traceback_ansi="")

    faults = [fault.line("x") for fault in only(changed(cancel)).faults]
    assert faults[0] == "x: warning (not finished): its status is error (killed)"
    assert faults[1].startswith("x: not valid (samples missing): 6 samples, where the results file speaks of 12")


@needs_inspect
def test_an_accuracy_that_the_samples_do_not_give_is_not_valid(changed):
    def change(log):
        log.samples[0].scores["choice"].value = "I"

    conditions = {fault.condition for fault in only(changed(change)).faults if fault.invalid}
    assert conditions == {"contradiction", "other results"}


HOSTILE = {
    "cut.eval": lambda: BASE.read_bytes()[:5000],
    "text.eval": lambda: b"no zip at all",
    "empty.eval": lambda: b"",
    "cut.json": lambda: VARIANT.read_bytes()[:9000],
    "other.json": lambda: json.dumps({"version": 1, "data": []}).encode(),
    "alike.json": lambda: json.dumps({"version": 2, "status": "success", "eval": {"task": 3}}).encode(),
    "future.json": lambda: VARIANT.read_bytes().replace(b'"version": 2', b'"version": 99', 1),
}


@needs_inspect
@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_log_is_one_line_with_exit_code_2(tmp_path, capsys, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name]())
    for command in (["table", path], ["compare", path, VARIANT], ["extract", path], ["vote", path]):
        assert main([str(word) for word in command]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1, captured.err
        assert str(path) in captured.err


@needs_inspect
def test_a_zip_of_another_kind_is_one_line(tmp_path, capsys):
    path = tmp_path / "other.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert main(["table", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"mcqa: {path}: Inspect cannot read this log (")


@needs_inspect
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda log: setattr(log, "samples", None), "holds no sample"),
        (lambda log: setattr(log, "samples", []), "holds no sample"),
        (lambda log: [setattr(sample, "scores", None) for sample in log.samples], "holds no score; run: inspect score"),
        (lambda log: [fail(sample) for sample in log.samples], "no item got an answer (out of memory)"),
    ],
)
def test_a_log_without_answers_says_what_it_lacks(changed, change, words):
    with pytest.raises(DatasetError, match=words.replace("(", r"\(").replace(")", r"\)")):
        read_run(changed(change, VARIANT, "poor.json"))


def test_without_inspect_the_extra_is_named_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(extras, "installed", lambda module: False)
    assert main(["compare", str(BASE), str(VARIANT)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"mcqa: {BASE}: inspect_ai is not installed: pip install ")
    assert err.count("\n") == 1
    assert "[inspect]'" in err
