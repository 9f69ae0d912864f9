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
    answers = grids.view_of(doc["view"]).undo(attempt.answer for attempt in attempts)
    return {**grid_scores(doc, attempts), "vote_score": (doc["task_id"], doc["output_id"], doc["original"], answers)}


def vote_score(items: Sequence[Sequence[Any]]) -> float:
    """The official score of the best voted attempts: mean over tasks of the share of their outputs that are right."""
    votes: dict[str, list[grids.Grid | None]] = {}
    originals = {output_id: (task_id, original) for task_id, output_id, original, _ in items}
    for _, output_id, _, answers in items:
        votes.setdefault(output_id, []).extend(answers)
    return grids.task_score(
        (task_id, original in [candidate.grid for candidate in grids.by_votes(votes[output_id])[: grids.ATTEMPTS]])
        for output_id, (task_id, original) in originals.items()
    )
