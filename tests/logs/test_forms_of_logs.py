"""Runs under other names and in other forms than the harness's are read like its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.foreign_logs import as_before, inside, results, rows_of, run_in, samples
from helpers.log_files import STAMP, choice_rows, questions, write_run, written_row

import mcqa_suite
from mcqa_suite.api.repeats import vote
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.printed_values import number, printed_elements
from mcqa_suite.logs.rows import RowIndex
from mcqa_suite.logs.runs import read_log, read_run


@pytest.mark.parametrize("name", [f"base_{STAMP}.json", f"results_x_{STAMP}.json", "base.json", "results.json"])
def test_a_results_file_named_by_the_user_is_read_by_its_folder_and_by_itself(tmp_path, name):
    expected = run_in(tmp_path / "expected")
    folder = run_in(tmp_path / "run")
    results(folder).rename(folder / name)
    as_before(folder, expected)
    as_before(folder / name, expected)
    assert [task.n for task in read_log(samples(folder))] == [12]


def test_samples_without_a_time_belong_to_results_without_one(tmp_path):
    expected, folder = run_in(tmp_path / "expected"), run_in(tmp_path / "run")
    results(folder).rename(folder / "base.json")
    samples(folder).rename(folder / "samples_arc.jsonl")
    as_before(folder, expected)


def test_samples_that_end_in_json_are_read(tmp_path):
    """As those of the second Open LLM Leaderboard, written shortly before 0.4.3."""
    expected, folder = run_in(tmp_path / "expected"), run_in(tmp_path / "run")
    samples(folder).rename(samples(folder).with_suffix(".json"))
    as_before(folder, expected)
    assert [task.n for task in read_log(samples(folder).with_suffix(".json"))] == [12]


def test_two_runs_that_a_user_named_in_one_folder_are_told_apart_by_their_names(tmp_path):
    for name, n in (("base", 12), ("tuned", 9)):
        stamp = f"2026-01-0{len(name)}T00-00-00.000000"
        write_run(tmp_path, {"arc": choice_rows("arc", *questions(n))}, stamp=stamp, model=name)
        (tmp_path / f"results_{stamp}.json").rename(tmp_path / f"{name}_{stamp}.json")
    with pytest.raises(
        DatasetError, match=r"several models \(base and tuned\); give one of .*@2026-01-05.*@2026-01-04"
    ):
        read_run(tmp_path)
    assert read_run(Path(f"{tmp_path}@2026-01-04")).tasks["arc", "none"].n == 12


def test_other_json_files_of_a_folder_are_no_results(tmp_path):
    folder = run_in(tmp_path)
    for name, text in (("config.json", '{"model_type": "llama"}'), ("list.json", "[1]"), ("cut.json", '{"resul')):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "results_x.json").mkdir()
    assert read_run(folder).tasks["arc", "none"].n == 12
    with pytest.raises(
        DatasetError, match=r"config.json: not results of lm_eval \(it holds model_type\); give results of"
    ):
        read_run(folder / "config.json")


def test_samples_inside_the_results_are_read_by_every_command(tmp_path, capsys):
    written = [written_row("cot", i, "AB"[i % 2], 0) for i in range(6)]
    tasks = {"arc": choice_rows("arc", *questions(12)), "cot": written}
    expected = write_run(tmp_path / "expected", tasks)
    dump = inside(expected, tmp_path / "dump" / "mine.json")
    as_before(dump, expected)
    as_before(dump.parent, expected)
    run = mcqa_suite.load_run(dump)
    assert len(run.samples()) == 18
    assert run.samples("arc")["loglikelihoods"].map(len).tolist() == [4] * 12
    assert main(["extract", str(dump)]) == 0
    assert (dump.parent / "mine.json#cot.reread.jsonl").exists()
    assert "skipped" in capsys.readouterr().err
    assert main(["compare", str(expected), str(dump)]) == 0
    assert main(["report", str(dump), "--base", str(expected), "-o", str(tmp_path / "r.html")]) == 0


def test_a_vote_reads_samples_inside_the_results(tmp_path):
    expected = write_run(tmp_path / "run", {"cot": [written_row("cot", i, "AB"[i % 2], 0) for i in range(6)]})
    dump = inside(expected, tmp_path / "dump" / "mine.json")
    ours, theirs = (vote(path, n=(1,)) for path in (dump, samples(expected, "cot")))
    assert ours.to_frame().drop(columns="run").equals(theirs.to_frame().drop(columns="run"))
    assert ours.faults == {"cot": ()}


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path):
    expected, folder = run_in(tmp_path / "expected"), run_in(tmp_path / "run")
    samples(folder).write_text("\ufeff" + samples(folder).read_text() + "\n  \n", encoding="utf-8")
    results(folder).write_text("\ufeff" + results(folder).read_text(), encoding="utf-8")
    as_before(folder, expected)
    results(folder).rename(folder / "base.json")
    as_before(folder, expected)
    assert RowIndex(samples(folder))["none", 0].doc_id == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            (text, 0.5)
            for text in ("0.5", "np.float32(0.5)", "tensor(0.5)", "tensor(0.5, device='cuda:0')", "array(0.5)")
        ),
        *(("True", 1.0), ("np.False_", None), ("np.bool_(False)", 0.0), ("half", None), ("[0.5]", None), ("", None)),
    ],
)
def test_a_printed_number_is_its_value(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("[0.5 1. ]", ["0.5", "1."]),
        ("[np.float64(-1.5), np.float64(2)]", ["-1.5", "2"]),
        ("array(['a b', \"it's\"], dtype='<U4')", ["a b", "it's"]),
        ("[(-1.5, False) (-2.0, True)]", ["-1.5", "False", "-2.0", "True"]),
        ("['f(x)' 'g(y)']", ["f(x)", "g(y)"]),
        ("[]", []),
    ],
)
def test_a_printed_list_has_its_elements(text, elements):
    assert printed_elements(text) == elements


def test_a_list_that_was_printed_without_its_middle_has_no_elements():
    with pytest.raises(ValueError, match="without its middle"):
        printed_elements("[0 1 ... 8 9]")


PRINTED = {
    "numbers": lambda row: {"acc": str(row["acc"]), "target": f"tensor({row['target']})"},
    "wrapped numbers": lambda row: {"acc": f"np.float64({row['acc']})", "target": str(row["target"])},
    "bools": lambda row: {"acc": str(bool(row["acc"]))},
    "pairs": lambda row: {"filtered_resps": [f"({score}, {greedy})" for score, greedy in row["filtered_resps"]]},
    "arrays": lambda row: {
        "filtered_resps": "[" + " ".join(f"[{score} 0.]" for score, _ in row["filtered_resps"]) + "]",
        "resps": "[" + " ".join(f"[[{score} 0.]]" for score, _ in row["filtered_resps"]) + "]",
    },
}


@pytest.mark.parametrize("name", PRINTED)
def test_numpys_numbers_and_arrays_that_were_dumped_as_text_are_read(tmp_path, name):
    expected = run_in(tmp_path / "expected")
    dump = inside(expected, tmp_path / "dump" / "mine.json", PRINTED[name])
    content = json.loads(dump.read_text(encoding="utf-8"))
    acc = np.mean([row["acc"] for row in rows_of(samples(expected))])
    content["results"]["arc"]["acc,none"] = f"np.float64({acc})"
    dump.write_text(json.dumps(content), encoding="utf-8")
    as_before(dump, expected)
    content["results"]["arc"]["acc,none"] = str(acc + 0.5)
    dump.write_text(json.dumps(content), encoding="utf-8")
    assert [fault.condition for fault in read_run(dump).tasks["arc", "none"].faults] == ["other results"]


def test_samples_that_are_no_regular_file_are_named(tmp_path):
    import os

    folder = run_in(tmp_path / "pipe")
    samples(folder).unlink()
    os.mkfifo(samples(folder))
    with pytest.raises(DatasetError, match=r"samples_arc_.*: not a regular file; put the samples there"):
        read_run(folder)
    samples(folder).unlink()
    samples(folder).mkdir()
    with pytest.raises(DatasetError, match=r"samples_arc_.*: not a regular file; put the samples there"):
        read_run(folder)


def test_a_task_whose_name_is_too_long_for_a_file_is_named(tmp_path):
    folder = run_in(tmp_path)
    content = json.loads(results(folder).read_text(encoding="utf-8"))
    content["configs"] = {"t" * 300: content["configs"]["arc"]}
    results(folder).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match="File name too long; remove the task from the results"):
        read_run(folder)


def test_a_score_of_more_digits_than_a_float_holds_is_named_by_its_line(tmp_path):
    folder = run_in(tmp_path)
    log = samples(folder)
    lines = log.read_text(encoding="utf-8").splitlines()
    lines[2] = lines[2].rpartition('"acc": ')[0] + '"acc": 1' + "0" * 400 + "}"
    log.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"jsonl:3: acc is Infinity, expected a number from 0 to 1; correct the row"):
        read_run(folder)
