"""`mcqa extract --label`: a human labels responses at the terminal, and every reader is scored by the labels."""

from __future__ import annotations

import json
import string

import pytest
from helpers.generated_rows import CITIES, rows, write
from helpers.terminal import Terminal

import mcqa_suite
from mcqa_suite.analysis.answer_labels import read_answer, scores_by_reader
from mcqa_suite.cli.main import main
from mcqa_suite.logs.responses import ReadResponse


def letter(name, ours, other, text="The response."):
    readers = {"mcqa": ours, "other": other}
    row = {"id": name, "set": "s", "kind": "mcq", "choices": CITIES, "question": "Capital?", "text": text}
    return row | {"readers": readers}


def number(name, ours, other):
    return letter(name, ours, other) | {"kind": "numeric", "choices": None, "question": "6 * 7?"}


FILE = (
    letter("a", "B", "C"),
    number("b", "42", "3"),
    letter("c", "A", None),
    letter("d", None, "D"),
    letter("e", "B", "C"),
)


def labelling(path):
    return Terminal(["extract", "--label", str(path)])


def test_a_human_labels_letters_and_numbers_can_undo_quit_and_resume(tmp_path):
    path, labels = write(tmp_path / "rows.jsonl", *FILE), tmp_path / "rows.labels.jsonl"
    terminal = labelling(path)
    shown = terminal.press("z")  # explained, not taken
    assert "Capital?\r\nA. Paris" in shown
    assert "mcqa: B\r\nother: C" in shown
    terminal.press("c")
    terminal.press("u")  # a again
    terminal.press("B")
    assert "=== 4 left: b ===" in terminal.press("4x\n")
    assert "'4x' is not one number" in terminal.press("0\x7f42\n")  # with a character that is removed
    terminal.press("s")
    assert "=== 2 left: d ===" in terminal.press("n")
    terminal.press("q")
    shown = terminal.until("2 left")
    assert terminal.end() == 0
    assert "| mcqa | 2 | 100.0 | 0.0 | 0.0 | 1 | 0.0 |" in shown
    assert "| other | 2 | 0.0 | 100.0 | 0.0 | 1 | 100.0 |" in shown
    assert [(row["id"], row["label"]) for row in rows(labels)] == [("a", "B"), ("b", "42"), ("d", None)]
    assert rows(labels)[0] == FILE[0] | {"class": "another answer", "label": "B", "by": "human"}

    terminal = labelling(path)
    assert "=== 2 left: c ===" in terminal.press("a")
    terminal.press("C")
    terminal.until("5 labelled, 0 left")
    assert terminal.end() == 0


def test_a_label_is_on_the_disk_before_the_next_key(tmp_path):
    path = write(tmp_path / "rows.jsonl", *FILE)
    terminal = labelling(path)
    terminal.press("d")
    terminal.until("=== 4 left: b ===")
    terminal.process.kill()
    terminal.end()
    assert [row["label"] for row in rows(tmp_path / "rows.labels.jsonl")] == ["D"]


def test_labels_need_a_terminal_but_their_result_does_not(tmp_path, capsys):
    path, labels = write(tmp_path / "rows.jsonl", *FILE[:1]), tmp_path / "rows.labels.jsonl"
    assert main(["extract", "--label", str(path)]) == 2
    assert capsys.readouterr().err == "mcqa: --label needs a terminal; run it in one\n"
    assert not labels.exists()
    write(labels, FILE[0] | {"label": "C"})
    assert main(["extract", "--label", str(path)]) == 0
    assert "| mcqa | 1 | 0.0 | 100.0 | 0.0 | 0 | - |" in capsys.readouterr().out
    result = mcqa_suite.label_answers(path)
    assert result.to_frame().to_dict("records")[1] == {
        "reader": "other",
        **{"ok": 1, "wrong": 0, "none": 0, "fp": 0, "silent": 0},
    }


def test_numbers_are_scored_by_value():
    response = ReadResponse("x", "s", "numeric", (), "", "", {"mcqa": "0.5", "other": "0.50000000001", "none": None})
    scores = scores_by_reader([(response, "0.5"), (response, None)])
    assert scores["other"] == {"ok": 1, "fp": 1}
    assert scores["none"] == {"none": 1, "silent": 1}


def test_capital_letters_are_options_where_small_ones_are_commands():
    wide = ReadResponse("x", "s", "mcq", tuple(string.ascii_uppercase), "", "", {})
    few = ReadResponse("x", "s", "mcq", ("a", "b"), "", "", {})
    keys = {"N": ("answer", "N"), "n": ("none", None), "b": ("answer", "B"), "Q": ("answer", "Q"), "q": ("quit", None)}
    assert {key: read_answer(wide, lambda key=key: key) for key in keys} == keys
    assert read_answer(few, lambda: "N") == ("none", None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (letter("a", "B", "C") | {"kind": "grid"}, "rows.jsonl:1: no usable 'kind'; expected a row that `mcqa extract"),
        (letter("a", "B", 3), "rows.jsonl:1: no usable 'readers'"),
        (number("a", "1e999999999", None), "rows.jsonl:1: no usable 'readers'"),
        (letter("a", "B", "C") | {"choices": None}, "rows.jsonl:1: no usable 'choices'"),
    ],
)
def test_a_row_of_another_form_is_named_by_its_line(tmp_path, capsys, row, message):
    assert main(["extract", "--label", str(write(tmp_path / "rows.jsonl", row))]) == 2
    assert message in capsys.readouterr().err


def test_a_label_that_is_no_option_is_named_by_its_line(tmp_path, capsys):
    path = write(tmp_path / "rows.jsonl", *FILE[:1])
    write(tmp_path / "rows.labels.jsonl", json.dumps(FILE[0] | {"label": "Z"}))
    assert main(["extract", "--label", str(path)]) == 2
    assert "rows.labels.jsonl:1: not a labelled row (label 'Z' is no option)" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["log.jsonl", "--label", "rows.jsonl"]])
def test_labels_and_logs_are_given_one_at_a_time(words, capsys):
    assert main(["extract", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
