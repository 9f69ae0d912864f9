"""Rows of the public schemas become one form; orders drawn from a row's own id are stable and balanced."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from helpers.dataset_rows import gpqa_rows, labelled, sciq_rows
from scipy.stats import chisquare

from mcqa_suite.questions import parsers
from mcqa_suite.questions.question import Question, index_of_label, option_label

AQUA = {
    "question": "Q?",
    "rationale": "R.",
    "correct": "C",
    "options": ["A)1", "B) 2", "(C) 3", "D. 4", "E)None of these"],
}


def test_labels_1_to_4_become_letters():
    row = {"id": "x", "question": "Q?", "choices": labelled(0, "1234"), "answerKey": "3"}
    parsed = parsers.from_arc(row)
    assert (parsed.answer, parsed.letters) == ("C", ["A", "B", "C", "D"])


def test_aqua_options_lose_their_labels():
    parsed = parsers.from_aqua_rat(AQUA)
    assert parsed.choices == ("1", "2", "3", "4", "None of these")
    assert parsed.answer == "C"


@pytest.mark.parametrize("key", ["F", "", "AB", "5"])
def test_an_answer_outside_the_labels_is_an_error(key):
    row = {"id": "x", "question_stem": "Q?", "choices": labelled(0), "answerKey": key}
    with pytest.raises(ValueError, match="not one of the labels A, B, C, D"):
        parsers.from_openbookqa(row)


@pytest.mark.parametrize(
    ("choices", "gold", "stem"),
    [
        (("a",), (0,), "Q?"),
        (("a", "b"), (2,), "Q?"),
        (("a", "b"), (), "Q?"),
        (("a", " "), (0,), "Q?"),
        (("a", "b"), (0,), ""),
    ],
)
def test_a_question_that_cannot_be_scored_is_an_error(choices, gold, stem):
    with pytest.raises(ValueError, match="x/1"):
        Question("x/1", stem, choices, gold)


@pytest.mark.parametrize(("rows", "parse"), [(sciq_rows, parsers.from_sciq), (gpqa_rows, parsers.from_gpqa)])
def test_a_drawn_order_keeps_the_gold_and_is_stable_and_balanced(rows, parse):
    rows = rows(4000)
    alone = [parse(row) for row in rows]
    assert all(q.choices[q.gold[0]] == f"right {i}" for i, q in enumerate(alone))
    random.seed(1)  # what was loaded or drawn before makes no difference
    assert [parse(row) for row in reversed(rows)][::-1] == alone
    counts = Counter(q.gold[0] for q in alone)
    assert chisquare([counts[k] for k in range(4)]).pvalue > 0.001
    orders = Counter(tuple(c[-1] if c.startswith("wrong") else "right" for c in q.choices) for q in alone)
    assert len(orders) == 24


def test_the_label_of_an_option_names_its_index():
    labels = [option_label(index) for index in range(200)]
    assert labels[24:28] == ["Y", "Z", "#27", "#28"]
    assert [index_of_label(label) for label in labels] == list(range(200))
    assert {index_of_label(text) for text in ("", "a", "AB", "#1", "#26", "#", "#x", "27", "#027")} == {-1}
