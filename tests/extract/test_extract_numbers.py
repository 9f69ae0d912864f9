"""Numbers as today's models write them; `cases/numbers.jsonl` has a class for each kind of text that was once misread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcqa_suite.extract import extract_choice, extract_number, gold_number

ROWS = [json.loads(line) for line in (Path(__file__).parent / "cases" / "numbers.jsonl").read_text("utf8").splitlines()]
CITIES = ["Paris", "London", "Berlin", "Madrid"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_numbers(row: dict[str, str | None]) -> None:
    assert extract_number(str(row["text"])).answer == row["label"]


@pytest.mark.parametrize(
    ("response", "answer", "other"),
    [
        ("The share is 12.5 %.", "12.5", "0.125"),
        ("\\boxed{25\\%}", "25", "0.25"),
        ("Answer: 50 percent", "50", "0.5"),
        ("She earns $42k.", "42000", "42"),
        ("The answer is 42.", "42", None),
    ],
)
def test_a_percentage_and_thousands_have_a_second_scale(response: str, answer: str, other: str | None) -> None:
    extraction = extract_number(response)
    assert (extraction.answer, extraction.other) == (answer, other)


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ("The values are \\boxed{4, 9}.", "several"),
        ("The answer is 3 or 4.", "several"),
        ("\\boxed{2^{10}}", "none"),
        ("The answer is at least 42.", "none"),
    ],
)
def test_the_status_says_why_there_is_no_number(response: str, status: str) -> None:
    assert extract_number(response).status == status


def test_the_span_counts_invisible_characters() -> None:
    for response, written in (("\u200bThe an\u00adswer is 5\u200b0.", "5\u200b0"), ("\ufeff42\u200b", "42")):
        span = extract_number(response).span
        assert span is not None
        assert response[slice(*span)] == written


def test_invisible_characters_do_not_hide_a_letter() -> None:
    extraction = extract_choice("The an\u00adswer is \u200e(\u200bC).", CITIES)
    assert (extraction.answer, extraction.span) == ("C", (18, 19))


@pytest.mark.parametrize(
    ("value", "number"),
    [("x = 5", "5"), ("36\\text{ cm}^2", "36"), ("90^\\circ", "90"), ("\\$32,\\!348", "32348"), ("-\\frac12", "-0.5")],
)
def test_a_gold_number_may_have_a_name_and_a_unit(value: str, number: str) -> None:
    assert gold_number(value) == number


@pytest.mark.parametrize(
    "value",
    [
        "[-4, 9]",
        "x \\in [-4,9]",
        "(4,9)",
        "\\sqrt{7}",
        "10\\pi",
        "\\frac{\\pi}{2}",
        "2x",
        "5!",
        "x > 5",
        "\\pm 4",
        "4, 9",
    ],
)
def test_a_gold_that_is_no_single_number_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match="expected one"):
        gold_number(value)
