"""Numbers as today's models write them: one table for each kind of sentence that was misread."""

from __future__ import annotations

import pytest

from mcqa_suite.extract import extract_choice, extract_number

CITIES = ["Paris", "London", "Berlin", "Madrid"]

INVISIBLE = [
    ("5\u200b0", "50"), ("The answer is 5\u200b0.", "50"), ("The answer is 1\u2060,000", "1000"),
    ("The an\u00adswer is 50.", "50"), ("The answer is \u202d42\u202c", "42"), ("\ufeff42", "42"), ("4\u200d2 km", "42"),
]  # fmt: skip

# A heading of the model's own work is no new question; a new question after an answer is
OWN_WORK = [
    ("We compare three pupils.\nStudent 1: 5 books.\nStudent 2: 7 books.\nThe answer is 12.", "12"),
    ("There are 2 parts.\n\nProblem: find the number of eggs.\n3 * 12 = 36 eggs.\n\nThe answer is 36.", "36"),
    ("I restate its 3 facts.\nQuestion: How many legs do 4 cows have?\nEach has 4 legs.\n\n**Answer: 16**", "16"),
    ("First an example with 2 cards.\nExample: 2 cards give 1 pair.\nFinal answer: 10", "10"),
    ("She has 5 apples left.\n\nQuestion: A farmer has 12 cows. He buys 3. How many?\nAnswer: 15", "5"),
    ("The answer is 5.\n\nProblem: A farmer has 12 cows. He buys 3. How many?\nThe answer is 15.", "5"),
    ("So the total is 8.\n\nHuman: thanks\nAssistant: You have 3 more questions.", "8"),
    ("#### 42\n\nStudent: thanks!\nTeacher: There were 12 pupils.", "42"),
]

LOOPS = [
    ("The answer is 2.\n" + "This answer is correct.\n" * 100, "2"),
    ("So the result is \\boxed{2}.\n" + "The answer is in the box.\n" * 100, "2"),
    ("The answer is 7.\n" + "\\boxed{}\n" * 100, "7"), ("\\boxed{12}\n" * 100, "12"), ("\\boxed{" * 200, None),
]  # fmt: skip


@pytest.mark.parametrize(("response", "answer"), [*INVISIBLE, *OWN_WORK, *LOOPS])
def test_numbers(response: str, answer: str | None) -> None:
    assert extract_number(response).answer == answer


def test_the_span_counts_invisible_characters() -> None:
    for response, written in (("\u200bThe an\u00adswer is 5\u200b0.", "5\u200b0"), ("\ufeff42\u200b", "42")):
        span = extract_number(response).span
        assert span is not None
        assert response[slice(*span)] == written


def test_invisible_characters_do_not_hide_a_letter() -> None:
    extraction = extract_choice("The an\u00adswer is \u200e(\u200bC).", CITIES)
    assert (extraction.answer, extraction.span) == ("C", (18, 19))
