"""`mcqa_arc_grid_*_views`: every output in augmented views; their answers are transformed back and voted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcqa_suite import grids
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.scoring import Doc, grid_scores


def results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> dict[str, Any]:
    """The scores of this view's attempts, and the input of `vote_score`."""
    attempts = results[0]
    return {**grid_scores(doc, attempts), "vote_score": grids.seen(doc, [attempt.answer for attempt in attempts])}


def vote_score(items: Sequence[Sequence[Any]]) -> float:
    return grids.vote_score([grids.Seen(*item) for item in items])
