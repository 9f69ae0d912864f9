"""Generated answers: extracted and scored, in one place for the harness's filters and metrics and for `mcqa extract`.

An answer is a letter, a number or a grid; extractors and scores take our columns of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mcqa_suite import grids
from mcqa_suite.extract import Extraction, extract_choice, extract_number, same_number
from mcqa_suite.questions.question import option_label

Doc = dict[str, Any]
Scores = dict[str, float]
RIGHT, WRONG, BLANK = 3.0, -1.0, 0.0  # EPFL marking


def _labels(options: int) -> list[str]:
    return [option_label(index) for index in range(options)]


READERS: dict[str, Callable[[str, Doc], Extraction]] = {
    "letters": lambda text, doc: extract_choice(text, doc["choices"], labels=_labels(len(doc["choices"]))),
    "numbers": lambda text, doc: extract_number(text),
    "grids": lambda text, doc: grids.read(text, grids.encoder(doc.get("encoder", grids.DEFAULT))),
}


def read_all(kind: str, texts: Sequence[str], doc: Doc) -> list[Extraction]:
    """The extraction of each response."""
    return [READERS[kind](text, doc) for text in texts]


def _extraction_scores(extraction: Extraction, right: bool) -> Scores:
    """`acc` counts an unread answer as wrong; `parsed`, `refused` and `truncated` say how many were not read, and why.

    Reasoning that never closes counts as truncated.
    """
    return {
        "acc": float(right),
        "parsed": float(extraction.answer is not None),
        "refused": float(extraction.status == "refused"),
        "truncated": float(extraction.status in ("truncated", "unclosed")),
    }


def letter_scores(doc: Doc, extractions: Sequence[Extraction]) -> Scores:
    """Scores of a generated letter: the first response counts."""
    return _extraction_scores(extractions[0], extractions[0].answer in [option_label(index) for index in doc["gold"]])


def number_scores(doc: Doc, extractions: Sequence[Extraction]) -> Scores:
    """Scores of a generated number, compared as a number on either of its scales: the first response counts."""
    scales = (extractions[0].answer, extractions[0].other)
    right = any(isinstance(value, str) and same_number(value, doc["gold"]) for value in scales)
    return _extraction_scores(extractions[0], right)


def grid_scores(doc: Doc, extractions: Sequence[Extraction]) -> Scores:
    """`acc`: any attempt is the exact grid; `shape`, `cells`: right shape and share of right cells, of the best attempt;
    `parsed`: share of attempts that hold a grid."""
    scores = [grids.score(extraction.answer, doc["output"]) for extraction in extractions]
    return {
        "acc": float(any(score.exact for score in scores)),
        "parsed": sum(extraction.answer is not None for extraction in extractions) / len(extractions),
        "shape": float(any(score.shape for score in scores)),
        "cells": max(score.cells for score in scores),
    }


SCORES: dict[str, Callable[[Doc, Sequence[Extraction]], Scores]] = {
    "letters": letter_scores,
    "numbers": number_scores,
    "grids": grid_scores,
}


def epfl_marked(scores: Scores) -> Scores:
    """`scores` with EPFL's marking: 3 for a right answer, -1 for a wrong one, 0 for an unread one."""
    if scores["acc"]:
        return {**scores, "epfl_mark": RIGHT}
    return {**scores, "epfl_mark": WRONG if scores.get("parsed", 1.0) else BLANK}
