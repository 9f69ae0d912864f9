"""A generated answer, read and scored: shared by the harness's filters and metrics and by `mcqa extract`.

A read is the dict `{"answer", "status", "rule", "span"}` of an Extraction, so that a log shows what was read, by which rule
and where. The three kinds are letters, numbers and grids; the readers and scores of a kind look at our columns of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from mcqa_suite import grids
from mcqa_suite.extract import Extraction, extract_choice, extract_number, same_number
from mcqa_suite.questions.question import LETTERS

Doc = dict[str, Any]
Read = dict[str, Any]
Scores = dict[str, float]
RIGHT, WRONG, BLANK = 3.0, -1.0, 0.0  # EPFL marking

READERS: dict[str, Callable[[str, Doc], Extraction]] = {
    "letters": lambda text, doc: extract_choice(text, doc["choices"]),
    "numbers": lambda text, doc: extract_number(text),
    "grids": lambda text, doc: grids.read(text, grids.encoder(doc.get("encoder", grids.DEFAULT))),
}


def read_all(kind: str, texts: Sequence[str], doc: Doc) -> list[Read]:
    """One read a response."""
    reader = READERS[kind]
    return [asdict(reader(text, doc)) for text in texts]


def _read_scores(read: Read, right: bool) -> Scores:
    """`acc` counts an unread answer as wrong; the rest say how many were not read, and why."""
    status = read["status"]
    return {
        "acc": float(right),
        "parsed": float(read["answer"] is not None),
        "refused": float(status == "refused"),
        "truncated": float(status == "truncated"),
    }


def letter_scores(doc: Doc, reads: Sequence[Read]) -> Scores:
    """Scores of a generated letter: the first response counts."""
    return _read_scores(reads[0], reads[0]["answer"] in [LETTERS[index] for index in doc["gold"]])


def number_scores(doc: Doc, reads: Sequence[Read]) -> Scores:
    """Scores of a generated number, compared as a number."""
    return _read_scores(reads[0], same_number(reads[0]["answer"], doc["gold"]))


def grid_scores(doc: Doc, reads: Sequence[Read]) -> Scores:
    """`acc`: any of the attempts is the exact grid; `shape`, `cells`: right shape, and share of cells right, of the best
    attempt; `parsed`: share of attempts that hold a grid."""
    scores = [grids.score(read["answer"], doc["output"]) for read in reads]
    return {
        "acc": float(any(one.exact for one in scores)),
        "parsed": sum(read["answer"] is not None for read in reads) / len(reads),
        "shape": float(any(one.shape for one in scores)),
        "cells": max(one.cells for one in scores),
    }


SCORES: dict[str, Callable[[Doc, Sequence[Read]], Scores]] = {
    "letters": letter_scores,
    "numbers": number_scores,
    "grids": grid_scores,
}


def epfl_marked(scores: Scores) -> Scores:
    """`scores` with EPFL's marking: 3 for a right answer, -1 for a wrong one, 0 for a blank sheet."""
    if scores["acc"]:
        return {**scores, "epfl_mark": RIGHT}
    return {**scores, "epfl_mark": WRONG if scores.get("parsed", 1.0) else BLANK}
