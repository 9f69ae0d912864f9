"""A whole file: questions that come twice, what is counted and named, and texts of any length in linear time."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions.epfl import read_epfl, read_file, split_question

ROW = {"question": "Which?", "choices": ["ant", "bee", "cat"], "answer": "B"}
TURNED = {"question": "Which? ", "choices": ["cat", "bee", "ant"], "answer": 2}
OTHER = {**ROW, "answer": "C"}


def written(tmp_path, *rows):
    path = tmp_path / "exam.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_a_question_that_comes_twice_is_read_twice_and_named(tmp_path):
    questions, reader = read_file(written(tmp_path, ROW, TURNED, ROW))
    assert [question.answer for question in questions] == ["B", "B", "B"]
    assert reader.summary() == [
        f"{tmp_path / 'exam.jsonl'}: 3 rows read (corrected: 0, duplicates: 2, skipped: 0)",
        "  2 x the same question as an earlier row: exam.jsonl:2 (as exam.jsonl:1); exam.jsonl:3 (as exam.jsonl:1)",
    ]


def test_a_question_with_two_answers_is_refused_with_both_lines(tmp_path):
    turned = {**TURNED, "answer": "A"}
    path = written(tmp_path, {**ROW, "question": "Where?"}, ROW, turned)
    with pytest.raises(
        DatasetError, match=r"exam\.jsonl:3: the question of exam\.jsonl:2 with another answer"
    ) as caught:
        read_epfl(path)
    assert "'cat' instead of 'bee'" in str(caught.value)
    questions, skipped = read_epfl(path, skip_bad=True)
    assert [question.stem for question in questions] == ["Where?"], "neither of the two answers is known to be right"
    assert [line.split(": ")[0].rsplit("/")[-1] for line in skipped] == ["exam.jsonl:3", "exam.jsonl:2"]


def test_a_file_is_summed_up_in_one_line_that_is_logged_once(tmp_path, caplog):
    rows = [{**ROW, "question": f"Which of {i}?\nAnswer: B"} for i in range(5)]
    path = written(tmp_path, *rows, {**ROW, "answer": True}, "{oops", ROW, ROW)
    with caplog.at_level(logging.WARNING):
        read_epfl(path, skip_bad=True)
        read_epfl(path, skip_bad=True)
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(
        f"{path}: 9 rows read (corrected: 5, duplicates: 1, skipped: 2): 5 x answer taken out of the "
    )
    assert "exam.jsonl:1 ('Answer: B'); exam.jsonl:2 ('Answer: B'); exam.jsonl:3 ('Answer: B'); and 2 more" in line
    assert "2 x skipped: " in line
    assert "exam.jsonl:6: answer true does not name options among A-C" in line
    assert "\n" not in line


def test_a_file_without_anything_odd_is_not_mentioned(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert len(read_epfl(written(tmp_path, ROW))[0]) == 1
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            json.dumps([ROW, ROW]),
            r"exam\.jsonl:1: the file is a JSON array, expected one JSON object a line; convert it",
        ),
        (json.dumps([ROW, ROW], indent=1), r"exam\.jsonl:1: the file is a JSON array"),
        ("question,answer\nWhich?,B\n", r"exam\.jsonl:1: expected one JSON object a line, found 'question,answer'"),
        (json.dumps(ROW, indent=1), r"exam\.jsonl:1: not valid JSON"),
        (json.dumps(ROW).replace('"answer"', '"answer": "A", "answer"'), r"exam\.jsonl:1: .*key 'answer' comes twice"),
        (json.dumps(ROW) + "\n" + "\0" * 40, r"exam\.jsonl:2: not valid JSON"),
    ],
)
def test_a_file_of_another_form_is_named_with_what_is_expected(tmp_path, content, reason):
    path = written(tmp_path, content)
    with pytest.raises(DatasetError, match=reason) as caught:
        read_epfl(path)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_and_windows_line_ends_make_no_difference(tmp_path):
    path = tmp_path / "exam.jsonl"
    shown = {"question": "Which?\r\nA. ant\r\nB. bee\r\n  or fly\r\nC. cat\r\nAnswer:\r\n", "answer": "B"}
    listed = {**ROW, "question": "Who?", "choices": ["ant", "bee\r\n  or fly", "cat"]}
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(json.dumps(row).encode() for row in (shown, listed)) + b"\r\n")
    questions, _ = read_epfl(path)
    assert [question.choices for question in questions] == [("ant", "bee\n  or fly", "cat")] * 2


# --- long texts

N = 200_000
LONG = {
    "blanks in the stem": "Which?" + " " * N + "x\nA. x\nB. y\nC. z",
    "blanks before a word": " " * N + "x\nA. x\nB. y\nC. z" + " " * N + "q",
    "blanks after 'Answer:'": "Which?\nA. x\nB. y\nC. z\nAnswer:" + " " * N + "q",
    "blanks after 'Answer'": "Which?\nA. x\nB. y\nC. z Answer" + " " * N + "q Answer" + "\t" * N + "r",
    "line ends": "Which?" + "\n" * N + "A. x\nB. y\nC. z" + "\n" * N + "q",
    "blank lines in an option": "Which?\nA. x" + "\n \n" * (N // 3) + "B. y\nC. z",
    "answer lines": "Which?\nA. x\nB. y\nC. z\n" + "Answer: q\n" * (N // 10),
    "bare answer lines": "Which?\nA. x\nB. y\nC. z\n" + "Answer:\n" * (N // 8),
    "parentheses": "Which?" + "(" * N + "\n(A) x\n(B) y\n(C) z" + "(" * N,
    "digits": "Which? " + "1" * N + "\n1. x\n2. y\n3. z" + "9" * N,
    "stars": "Which?" + "*" * N + "\n**A.** x\n**B.** y\n**C.** z" + "*" * N + "\n" + "_" * N + "\n" + "-" * N,
    "lines of labels": "Which?\n" + "5. q\n" * (N // 5) + "A. x\nB. y\nC. z",
    "Options": "Which?\n" + "Options:\n" * (N // 9) + "Options:" + " " * N + "q\nA. x\nB. y\nC. z",
    "question heads": "Question: " * (N // 10) + "\nA. x\nB. y\nC. z",
}


def run_apart(script, *words):
    """Run a script in a process of its own: an expression that takes minutes cannot be interrupted."""
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_long_texts_are_read_in_linear_time(tmp_path):
    rows = [{"question": text, "answer": "B"} for text in LONG.values()]
    rows += [
        {"question": f"{n}{text}", "choices": ["x", f"y{text}", "z"], "answer": "2"}
        for n, text in enumerate(LONG.values())
    ]
    script = "import sys; from mcqa_suite.questions import epfl; print(*map(len, epfl.read_epfl(sys.argv[1], skip_bad=True)))"
    assert run_apart(script, written(tmp_path, *rows)) == f"{len(rows) - 1} 1\n", "one has two lists of options"


@pytest.mark.slow
def test_long_prompts_are_read_in_linear_time(tmp_path):
    script = """
import json, sys
from mcqa_suite.training_data.audit.text import question_of
from mcqa_suite.training_data.preferences.correctness import kind_and_doc
for line in open(sys.argv[1], encoding="utf-8"):
    row = json.loads(line)
    question_of(row["question"])
    print(kind_and_doc(row, "")[1]["gold"], kind_and_doc({"answer": "B"}, row["question"])[1]["gold"])
"""
    path = written(tmp_path, *({"question": text, "answer": "B"} for text in LONG.values()))
    assert run_apart(script, path) == "[1] [1]\n" * len(LONG)


def test_a_prompt_is_split_without_its_head_and_tail():
    assert split_question("Question: Q?\n\nOptions:\nA. x\nB. y\n\nAnswer:") == ("Q?", ["x", "y"])
