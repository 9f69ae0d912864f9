"""An EPFL file is the same questions for tasks, training, preferences and the audit."""

from __future__ import annotations

import json
import logging

import pytest
from helpers.preference_rows import lines, write

from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions.epfl import read_epfl
from mcqa_suite.questions.prompts import cot, letter
from mcqa_suite.training_data.audit.rows import read_training_rows
from mcqa_suite.training_data.preferences.correctness import check_questions, kind_and_doc
from mcqa_suite.training_data.preferences.sampling import read_prompts
from mcqa_suite.training_data.sources import PairSource, Source, rows

CHOICES = ["ant", "bee", "cat"]
SHOWN = "Options:\nA. ant\nB. bee\nC. cat"
ROWS = [
    {"question": f"Question: Which 0?\n\n{SHOWN}\n\nAnswer:", "answer": "B", "subject": "zoology", "explanation": "so"},
    {"question": "Which 1?", "choices": CHOICES, "answer": 1},
    {"question": "Which 2?\n1. ant\n2. bee\n3. cat", "answer": "3"},
    {"question": f"Which 3?\n{SHOWN}\nAnswer: B", "answer": 2.0},
    {"question": "Which 4?", "choices": {"A": "ant", "B": "bee", "C": "cat"}, "answer": ["A", "C"]},
    {"question": "Which 5? (Answer: C)", "choices": ["A. ant", "B. bee", "C. cat"], "answer": "cat"},
    {"question": f"Which 6?\r\n\r\n{SHOWN}\r\nD. bee\r\n", "answer": "D"},
    {"question": "Which 7?\na) ant\nb) bee\nc) cat\nd) cat\nanswer: a", "answer": "a"},
    {"question": f"Which 8?\n{SHOWN}\nAnswer:\nB. bee", "choices": None, "answer": "AB".lower()[1]},
]


def both_ways(question):
    return {"choices": list(question.choices), "gold": list(question.gold)}


def test_the_same_file_is_the_same_questions_for_every_user(tmp_path, caplog):
    from mcqa_suite.harness.docs import as_question, load_epfl

    path = write(tmp_path / "exam.jsonl", ROWS)
    with caplog.at_level(logging.WARNING):
        questions, _ = read_epfl(path)
        tasks = load_epfl(str(path))["test"]
        training = rows(Source("epfl", path=str(path)))
        audited = read_training_rows(path)
        prompts = read_prompts(path)
    assert [as_question(doc) for doc in tasks] == questions
    assert [(row["id"], row["prompt"], row["completion"]) for row in training] == [
        (question.id, letter(question), f" {question.answer}") for question in questions
    ]
    assert [(row["group"], row["prompt"]) for row in audited] == [(q.id, letter(q)) for q in questions]
    assert [prompt.text for prompt in prompts] == [cot(question) for question in questions]
    assert [kind_and_doc(prompt.row, prompt.text) for prompt in prompts] == [
        ("letters", both_ways(q)) for q in questions
    ]
    assert [question.gold for question in questions] == [(1,), (0,), (2,), (1,), (0, 2), (2,), (1, 3), (0,), (1,)]
    assert [question.stem for question in questions] == [f"Which {number}?" for number in range(9)]
    [line] = {record.getMessage() for record in caplog.records if "rows read" in record.getMessage()}
    assert "9 rows read (corrected: 5, duplicates: 0, skipped: 0)" in line


BAD = [
    ({**ROWS[1], "answer": True}, "answer true does not name options"),
    ({"question": f"Which?\n{SHOWN}\nC. dog", "answer": "A"}, "label C comes twice"),
    ({"question": f"Which?\n{SHOWN}\nAnswer: B", "answer": "A"}, "the question says 'Answer: B', and 'answer' is 'A'"),
    ({**ROWS[1], "answer": "C"}, r"the question of [\w.]+:1 with another answer, 'cat' instead of 'ant'"),
    ({"question": "Which?\n" + "\n".join(f"{i}. {i}x" for i in range(1, 11)), "answer": "1"}, "10 options, expected 3"),
]


@pytest.mark.parametrize(("row", "reason"), BAD, ids=[reason[:24] for _, reason in BAD])
def test_every_user_refuses_the_same_rows_with_file_and_line(tmp_path, row, reason):
    path = write(tmp_path / "exam.jsonl", [ROWS[1], row])
    responses = write(
        tmp_path / "said.jsonl",
        [{"id": i, "prompt": "p", "response": "A", "data": data} for i, data in enumerate([ROWS[1], row])],
    )
    for name, user in {
        "exam": lambda: read_epfl(path),
        "exam ": lambda: rows(Source("epfl", path=str(path))),
        "exam  ": lambda: read_training_rows(path),
        "exam   ": lambda: read_prompts(path),
        "said": lambda: check_questions(responses),
    }.items():
        with pytest.raises(DatasetError, match=rf"{name.strip()}\.jsonl:2: {reason}"):
            user()


def test_a_number_is_a_label_for_labels_by_correctness_too(tmp_path, capsys, caplog):
    said = [
        {
            "id": "x",
            "index": index,
            "prompt": f"Which?\n\n{SHOWN}",
            "response": f"The answer is {letter}.",
            "data": ROWS[1],
        }
        for index, letter in enumerate("AB")
    ]
    path, labels = write(tmp_path / "said.jsonl", said), tmp_path / "labels.jsonl"
    words = ["preferences", "label", str(path), "--by", "correctness", "-o", str(labels)]
    with caplog.at_level(logging.WARNING):
        assert main(words) == 0
    [label] = lines(labels)
    assert (label["label"], label["right"]) == ("a", [True, False])
    assert not [record for record in caplog.records if "rows read" in record.getMessage()]
    write(path, [{**row, "data": {**ROWS[3], "answer": "C"}} for row in said])
    assert main([*words[:-1], str(tmp_path / "other.jsonl")]) == 2
    assert f"mcqa: {path}:1: the question says 'Answer: B', and 'answer' is 'C'; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        ({"answer": 1, "choices": ["x", "y"]}, [0]),
        ({"gold": 1, "choices": ["x", "y"]}, [1]),
        ({"gold": [0, 1], "choices": ["x", "y"]}, [0, 1]),
        ({"answer": "The answer is B.", "choices": ["x", "y"]}, [1]),
        ({"answer": ["A", "B"], "choices": ["x", "y"]}, [0, 1]),
        ({"answer": 2}, [1]),
        ({"answer": "B"}, [1]),
    ],
)
def test_answer_holds_labels_and_gold_holds_indices(row, gold):
    shots = f"Question: One?\nA. a\nB. b\nC. c\nAnswer: A\n\nQuestion: Which?\n{SHOWN}\n\nAnswer:"
    assert kind_and_doc(row, shots)[1]["gold"] == gold


@pytest.mark.parametrize("value", [True, [True], 3])
def test_a_right_answer_that_names_no_option_is_refused(value):
    for column in ("answer", "gold"):
        with pytest.raises(ValueError, match="names none of the 2 options"):
            kind_and_doc({column: value, "choices": ["x", "y"]}, "p")


def test_solutions_and_raw_preferences_mean_the_same(tmp_path):
    solved = {**ROWS[1], "responses": ["The answer is A.", "The answer is B."]}
    [pair] = rows(PairSource("solutions", path=str(write(tmp_path / "solved.jsonl", [solved]))))
    assert (pair["chosen"], pair["rejected"]) == (" The answer is A.", " The answer is B.")
    judged = {"A": "yes", "B": "no", "overall": "A", "criteria": {}}
    raw = {"question_complete": f"Which?\n{SHOWN}\nAnswer:", "preference": [judged]}
    [pair] = rows(PairSource("epfl_raw", path=str(write(tmp_path / "raw.jsonl", [raw]))))
    assert pair["chosen"] == " yes"
    for bad, reason in (
        ({**raw, "question_complete": f"{raw['question_complete']} B"}, "'question_complete' ends in the answer, 'B'"),
        ({**raw, "preference": [{**judged, "overall": True}]}, "'overall' is True, expected 'A', 'B'"),
    ):
        with pytest.raises(DatasetError, match=rf"raw\.jsonl:1: {reason}"):
            rows(PairSource("epfl_raw", path=str(write(tmp_path / "raw.jsonl", [bad]))))


def test_check_prints_what_was_read_corrected_and_skipped(tmp_path, capsys):
    path = write(tmp_path / "exam.jsonl", [*ROWS, ROWS[1], BAD[0][0]])
    metadata = json.dumps({"epfl_file": str(path), "epfl_skip_bad": True})
    assert main(["check", "mcqa_epfl", "mcqa_epfl_cloze", "--metadata", metadata]) == 0
    first, second, counts, *details = capsys.readouterr().out.splitlines()
    assert first.startswith("mcqa_epfl: 10 documents, 3-4 options")
    assert second.startswith("mcqa_epfl_cloze: 10 documents, 3-4 options")
    assert counts == f"{path}: 11 rows read (corrected: 5, duplicates: 1, skipped: 1)"
    assert any(
        line.startswith("  4 x answer taken out of the question: exam.jsonl:4 ('Answer: B');") for line in details
    )
    assert any(line.endswith("exam.jsonl:10 (as exam.jsonl:2)") for line in details)
    assert any("1 x skipped: " in line and "exam.jsonl:11: answer true" in line for line in details)
