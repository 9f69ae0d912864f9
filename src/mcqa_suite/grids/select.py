"""Which two of many grids to answer with, once the views' grids have been turned back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mcqa_suite.grids.encoders import Grid

ATTEMPTS = 2


@dataclass(frozen=True)
class Candidate:
    """A grid that `votes` of the views' answers were; `loglikelihood` is the mean over them, where it is known."""

    grid: Grid
    votes: int
    loglikelihood: float | None = None


def by_votes(grids: Sequence[Grid | None], loglikelihoods: Sequence[float] | None = None) -> list[Candidate]:
    """Candidates from most to fewest votes; of as many, the one with the higher mean log-likelihood, else the one that came
    first. None is an answer that could not be read, and has no vote."""
    places: dict[str, list[int]] = {}
    for place, grid in enumerate(grids):
        if grid is not None:
            places.setdefault(json.dumps(grid), []).append(place)
    found = [
        Candidate(
            json.loads(key), len(at), None if loglikelihoods is None else fmean(loglikelihoods[place] for place in at)
        )
        for key, at in places.items()
    ]
    return sorted(found, key=lambda one: (-one.votes, -(one.loglikelihood or 0.0)))


def by_loglikelihood(candidates: Sequence[Candidate], totals: Mapping[str, float]) -> list[Candidate]:
    """Candidates by the sum over all views of the log-likelihood that a model gives them there, highest first.

    `totals` holds the sum by `json.dumps(grid)`.
    """
    return sorted(candidates, key=lambda one: -totals[json.dumps(one.grid)])
