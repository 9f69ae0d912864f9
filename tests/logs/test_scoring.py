"""Generated numbers are right on either of the scales that their writing allows."""

from __future__ import annotations

import pytest

from mcqa_suite.extract import gold_number
from mcqa_suite.logs.rows import read_extraction, write_extraction
from mcqa_suite.logs.scoring import number_scores, read_all


@pytest.mark.parametrize(
    ("response", "gold", "right"),
    [
        ("The share is 12.5 %.", ".125", True),
        ("The share is 12.5 %.", "12.5", True),
        ("The share is 12.5 %.", "12.5%", True),
        ("The share is 12.5.", ".125", False),
        ("The answer is $42k.", "42000", True),
        ("The answer is $42k.", "42", True),
        ("The answer is 42000.", "42", False),
        ("The answer is 42 %.", "4200", False),
    ],
)
def test_a_number_is_right_on_the_scale_of_the_gold(response: str, gold: str, right: bool) -> None:
    doc = {"gold": gold_number(gold)}
    extractions = read_all("numbers", [response], doc)
    assert number_scores(doc, extractions)["acc"] == right
    logged = read_extraction(write_extraction(extractions[0]))
    assert logged == extractions[0]
