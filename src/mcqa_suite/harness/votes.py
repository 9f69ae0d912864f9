"""`mcqa_*_n8`: several samples a question; scores of one sample on average, of their majority, and of the best sample."""

from __future__ import annotations

from collections.abc import Sequence

from mcqa_suite.analysis.voting.strategies import majority_read
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.scoring import SCORES, Doc, Scores


def _voted(kind: str, doc: Doc, extractions: Sequence[Extraction]) -> Scores:
    """`acc`, `parsed`, `refused`, `truncated`: means over the samples; `majority` and `any_right`: of the question."""
    single = [SCORES[kind](doc, [extraction]) for extraction in extractions]
    means = {name: sum(scores[name] for scores in single) / len(single) for name in single[0]}
    winner = majority_read(kind, extractions)
    chosen = 0.0 if winner is None else single[winner]["acc"]
    return {**means, "majority": chosen, "any_right": max(scores["acc"] for scores in single)}


def cot_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> Scores:
    """Scores of generated letters."""
    return _voted("letters", doc, results[0])


def math_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> Scores:
    """Scores of generated numbers."""
    return _voted("numbers", doc, results[0])
