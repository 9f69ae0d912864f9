"""Every known variant of the EPFL format is read; any other row is an error with its file and line."""

from __future__ import annotations

import hashlib
import json

import pytest
from helpers.locations import REPOSITORY

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions.epfl import parse_row, read_epfl
from mcqa_suite.questions.prompts import letter

PLAIN = "Question: How long?\n\nOptions:\nA. 1 s\nB. 2 s\nC. 3 s\nD. 4 s\n\nAnswer:"
CHOICES = ("1 s", "2 s", "3 s", "4 s")

VARIANTS = {
    "plain": {"subject": "s", "question": PLAIN, "answer": "B"},
    "CRLF": {"subject": "s", "question": PLAIN.replace("\n", "\r\n"), "answer": "B"},
    "parenthesis without a space": {"subject": "s", "question": PLAIN.replace(". ", ")"), "answer": "B"},
    "point without a space": {"subject": "s", "question": PLAIN.replace(". ", "."), "answer": "B"},
    "label in parentheses": {"question": "How long?\n\nOptions:\n(A) 1 s\n(B) 2 s\n(C) 3 s\n(D) 4 s", "answer": "(B)"},
    "explanation": {"subject": "s", "question": PLAIN, "answer": "B", "explanation": "Because."},
    "no head, no tail": {"subject": "s", "question": PLAIN[10:-9], "answer": "B"},
    "no options line": {"question": "How long?\nA. 1 s\nB. 2 s\nC. 3 s\nD. 4 s\nAnswer:", "answer": "B"},
    "answer as a number": {"subject": "s", "question": PLAIN, "answer": "2"},
    "answer as an integer": {"subject": "s", "question": PLAIN, "answer": 2},
    "lower-case answer": {"subject": "s", "question": PLAIN, "answer": " b."},
    "numbered options": {"question": "How long?\nOptions:\n1. 1 s\n2. 2 s\n3. 3 s\n4. 4 s\nAnswer:", "answer": "2"},
    "blank subject": {"subject": " ", "question": PLAIN, "answer": "B"},
    "missing subject": {"question": PLAIN, "answer": "B"},
    "2025 edition": {"question": "How long?", "choices": list(CHOICES), "answer": "B"},
    "choices with the head and the tail": {
        "question": "Question: How long?\n\nAnswer:",
        "choices": list(CHOICES),
        "answer": "B",
    },
    "choices with their labels": {
        "question": "How long?",
        "choices": ["A) 1 s", "B) 2 s", "C) 3 s", "D) 4 s"],
        "answer": 2,
    },
    "choices with numbers": {"question": "How long?", "choices": ["1. 1 s", "2. 2 s", "3. 3 s", "4. 4 s"], "answer": 2},
    "choices by label": {
        "question": "How long?",
        "choices": {"A": "1 s", "C": "3 s", "B": "2 s", "D": "4 s"},
        "answer": "B",
    },
    "choices as ARC has them": {
        "question": "How long?",
        "choices": {"text": list(CHOICES), "label": [*"1234"]},
        "answer": "2",
    },
    "choices that the question shows too": {"question": PLAIN, "choices": list(CHOICES), "answer": "B"},
    "choices that are null": {"question": PLAIN, "choices": None, "answer": "B"},
    "a blank line after each label": {"question": "How long?\nA.\n1 s\nB.\n2 s\nC.\n3 s\nD.\n4 s", "answer": "B"},
    "small letters": {"question": "How long?\na) 1 s\nb) 2 s\nc) 3 s\nd) 4 s", "answer": "b"},
    "full width": {"question": "How long?\nＡ．1 s\n（Ｂ） 2 s\nＣ：3 s\nＤ）4 s", "answer": "Ｂ"},
    "bold labels": {
        "question": "How long?\n\n**Options:**\n**A.** 1 s\n**B**. 2 s\n**C)** 3 s\n__D.__ 4 s\n\n**Answer:**",
        "answer": "B",
    },
    "a list of Markdown": {"question": "How long?\n- A. 1 s\n- B. 2 s\n* C. 3 s\n• D. 4 s", "answer": "B"},
    "a tail in small letters": {"question": PLAIN.replace("Answer:", "answer :"), "answer": "B"},
}


@pytest.mark.parametrize("row", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_of_a_row_is_read(row):
    question = parse_row(row)
    assert (question.stem, question.choices, question.gold) == ("How long?", CHOICES, (1,))


@pytest.mark.parametrize("answer", ["ABD", "A, B, D", "a,b and d", "D B A", "1, 2, 4"])
def test_several_right_letters_are_read(answer):
    assert parse_row({"question": PLAIN, "answer": answer}).gold == (0, 1, 3)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_questions_have_three_to_eight_options(n):
    text = "Q?\n\nOptions:\n" + "\n".join(f"{'ABCDEFGH'[k]}. {k} kg" for k in range(n)) + "\n\nAnswer:"
    assert len(parse_row({"question": text, "answer": "ABCDEFGH"[n - 1]}).choices) == n


def test_an_option_may_span_lines():
    text = "Q?\n\nOptions:\nA. first\nB. second\n  more\nC. third\n\nAnswer:"
    assert parse_row({"question": text, "answer": "C"}).choices == ("first", "second\n  more", "third")


BAD = {
    "not an object": ("[1]", "JSON object"),
    "not JSON": ("{oops", "Expecting"),
    "no answer": (json.dumps({"question": PLAIN}), "no 'answer'"),
    "answer out of range": (json.dumps({"question": PLAIN, "answer": "E"}), "'E'"),
    "answer in words": (json.dumps({"question": PLAIN, "answer": "the second"}), "'the second'"),
    "no options": (json.dumps({"question": "Question: Why?\n\nAnswer:", "answer": "A"}), "no options"),
    "two options": (json.dumps({"question": "Why?\nOptions:\nA. x\nB. y", "answer": "A"}), "2 options"),
    "blank option": (json.dumps({"question": "Why?\nOptions:\nA. x\nB. \nC. z", "answer": "A"}), "blank"),
    "ten numbered options": (
        json.dumps({"question": "Q?\n" + "\n".join(f"{i}. {i}x" for i in range(1, 11)), "answer": "1"}),
        "10 options, expected 3 to 8",
    ),
    "numbers from 0": (
        json.dumps({"question": "Q?\n0. w\n1. x\n2. y\n3. z", "answer": "1"}),
        "labels begin with A or 1",
    ),
    "numbers that are no labels": (
        json.dumps({"question": "Q?\n1.5 m\n2.5 m\n3.5 m", "answer": "1"}),
        "no options found",
    ),
    "a label twice": (json.dumps({"question": "Q?\nA. x\nB. y\nB. y2\nC. z", "answer": "B"}), "label B comes twice"),
    "labels out of order": (
        json.dumps({"question": "Q?\nA. x\nD. w\nB. y\nC. z", "answer": "B"}),
        "option B is missing before D",
    ),
    "statements with the labels of the options": (
        json.dumps({"question": "Q?\nA. p\nB. q\nC. r\nWhich?\nA. x\nB. y\nC. z", "answer": "B"}),
        "label A comes twice; write a line 'Options:' before the options",
    ),
    "two lists": (
        json.dumps({"question": "Q?\nA. p\nB. q\nC. r\nWhich?\n1. x\n2. y\n3. z", "answer": "2"}),
        "two lists, with labels A and 1; write a line 'Options:'",
    ),
    "two lists of options": (
        json.dumps({"question": PLAIN, "choices": ["5 s", "6 s", "7 s"], "answer": "B"}),
        "the options in 'question' are not those of 'choices'",
    ),
    "choices with other labels": (
        json.dumps({"question": "Why?", "choices": {"A": "x", "B": "y", "D": "z"}, "answer": "A"}),
        "expected A, B, C, ... or a list",
    ),
    "no choices": (json.dumps({"question": "Why?", "choices": [], "answer": "A"}), "0 options"),
    "a blank choice": (
        json.dumps({"question": "Why?", "choices": ["x", " ", "z"], "answer": "A"}),
        "option B is blank",
    ),
    "a choice that is no number": ('{"question": "Why?", "choices": [1, NaN, 2], "answer": "A"}', "an option is nan"),
    "NUL": (json.dumps({"question": "Why\0?", "choices": ["x", "y", "z"], "answer": "A"}), "character 3 is NUL"),
    "two answers in a row": ('{"question": "Why?", "answer": "A", "answer": "B"}', "key 'answer' comes twice"),
    "nine options": (json.dumps({"question": "Why?", "choices": list("abcdefghi"), "answer": "A"}), "9 options"),
    "ten options": (
        json.dumps({"question": "Q?\n" + "\n".join(f"{c}. {c}x" for c in "ABCDEFGHIJ"), "answer": "A"}),
        "10 options",
    ),
    "a skipped label": (
        json.dumps({"question": "Q?\nA. 3\nB. 4\nC. 5\nE. 6\nAnswer:", "answer": "A"}),
        "option D is missing",
    ),
    "an option that is null": (
        json.dumps({"question": "Why?", "choices": ["a", None, "b"], "answer": "A"}),
        "NoneType",
    ),
    "a question that is a list": (json.dumps({"question": ["x"], "answer": "A"}), "'question' is list"),
    "half a surrogate pair": ('{"question": "\\ud800?\\nA. a\\nB. b\\nC. c", "answer": "A"}', "surrogate"),
    "deep nesting": ("[" * 100_000, "nested more than 100 deep"),
    "choices that are no list": (json.dumps({"question": "Why?", "choices": 5, "answer": "A"}), "list"),
}


@pytest.mark.parametrize(("line", "reason"), BAD.values(), ids=BAD)
def test_a_bad_row_is_named_with_file_and_line(tmp_path, line, reason):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"question": PLAIN, "answer": "B"}) + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"mine\.jsonl:3: ") as caught:
        read_epfl(path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    questions, skipped = read_epfl(path, skip_bad=True)
    assert len(questions) == 1
    assert len(skipped) == 1
    assert f"{path}:3: " in skipped[0]


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe{}"])
def test_a_file_without_questions_is_named(tmp_path, content):
    path = tmp_path / "mine.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"mine\.jsonl"):
        read_epfl(path)


STATEMENTS = "Consider:\n1. p\n2. q\n3. r"


@pytest.mark.parametrize(
    ("text", "stem", "choices"),
    [
        (f"{STATEMENTS}\n\nOptions:\nA. x\nB. y\nC. z", STATEMENTS, ("x", "y", "z")),
        (f"{STATEMENTS}\nWhich?\nA. x\nB. y\nC. z", f"{STATEMENTS}\nWhich?", ("x", "y", "z")),
        ("Q?\nA. p\nB. q\n\nOptions:\n1. x\n2. y\n3. z", "Q?\nA. p\nB. q", ("x", "y", "z")),
        ("Q?\n\nOptions:\nA. x:\n1. p\n2. q\nB. y\nC. z", "Q?", ("x:\n1. p\n2. q", "y", "z")),
        ("Q?\nA. A. Smith\nB. E. Jones\nC. $x_1$", "Q?", ("A. Smith", "E. Jones", "$x_1$")),
        ("Is it so?\n12:30 or\n1.5 h\nA. x\nB. No Answer\nC. No Answer", "Is it so?\n12:30 or\n1.5 h", None),
    ],
)
def test_lists_and_names_that_are_no_options_stay_in_the_text(text, stem, choices):
    question = parse_row({"question": text, "answer": "A"})
    assert question.stem == stem
    assert question.choices == (choices or ("x", "No Answer", "No Answer"))


@pytest.mark.parametrize("choices", [["A. Smith", "y", "z"], ["1: 2", "2: 3", "3: 4"], ["1.5 m", "2.5 m", "3.5 m"]])
def test_choices_that_only_look_labelled_stay_as_they_are(choices):
    assert parse_row({"question": "Q?", "choices": choices, "answer": "A"}).choices == tuple(choices)


def test_the_ids_of_well_formed_rows_do_not_change():
    assert parse_row(VARIANTS["plain"]).id == parse_row(VARIANTS["2025 edition"]).id == "epfl/99a41efa2481"
    questions, skipped = read_epfl(REPOSITORY / "tasks" / "epfl" / "sample.jsonl")
    assert (len(questions), skipped) == (160, [])
    digest = hashlib.sha256("\n".join(question.id + letter(question) for question in questions).encode())
    assert digest.hexdigest()[:16] == "760e097a354ffea4"
