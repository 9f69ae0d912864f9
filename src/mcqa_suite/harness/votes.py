"""`mcqa_*_n8`: several samples a question; scores of one sample on average, of their majority, and of the best sample."""

from __future__ import annotations

from collections.abc import Sequence

from mcqa_suite.extract import Extraction
from mcqa_suite.logs.scoring import Doc, Scores
from mcqa_suite.logs.votes import voted_scores


def cot_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> Scores:
    """Scores of generated letters."""
    return voted_scores("letters", doc, results[0])


def math_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> Scores:
    """Scores of generated numbers."""
    return voted_scores("numbers", doc, results[0])
