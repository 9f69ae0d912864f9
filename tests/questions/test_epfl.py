"""Every known variant of the EPFL format is read; any other row is an error with its file and line."""

from __future__ import annotations

import json

import pytest

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.questions.epfl import parse_row, read_epfl

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
    "deep nesting": ("[" * 100_000, "recursion"),
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
