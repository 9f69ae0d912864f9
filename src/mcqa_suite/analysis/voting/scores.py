"""Scores of single samples, from a reward model or from the model's own log-probability, as a file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mcqa_suite.analysis.voting.ballots import Ballots
from mcqa_suite.analysis.voting.strategies import Floats
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import numbered_rows


def score_lines(path: Path) -> dict[tuple[str, int], float]:
    """The scores in a file of `{"id", "sample", "score"}` rows, `sample` counted from 0."""
    scores: dict[tuple[str, int], float] = {}
    for number, row in numbered_rows(path, "a file of {id, sample, score} rows"):
        try:
            key, score = (str(row["id"]), int(row["sample"])), float(row["score"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}:{number}: not a score ({error!r}); expected id, sample and score") from error
        if not math.isfinite(score):
            raise DatasetError(f"{path}:{number}: the score is {score}; expected a finite number")
        scores[key] = score
    return scores


def read_scores(path: Path, ballots: Ballots) -> Floats:
    """Q x N scores in the order of the ballots; DatasetError names the first sample without one."""
    scores = score_lines(path)
    keys = [[(question, sample) for sample in range(ballots.samples)] for question in ballots.ids]
    if missing := [key for row in keys for key in row if key not in scores]:
        question, sample = missing[0]
        raise DatasetError(
            f"{path}: {len(missing)} samples of {ballots.name} have no score, the first is sample {sample} of question "
            f"{question}; score them too"
        )
    return np.array([[scores[key] for key in row] for row in keys])
