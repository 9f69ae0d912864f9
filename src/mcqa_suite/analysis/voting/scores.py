"""Scores of single samples, from a reward model or from the model's own log-probability, as a file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from mcqa_suite.analysis.voting.ballots import Ballots
from mcqa_suite.analysis.voting.strategies import Floats
from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.files import numbered_rows


def score_lines(path: Path) -> dict[tuple[str, int], float]:
    """The scores in a file of `{"id", "sample", "score"}` rows, `sample` counted from 0."""
    found: dict[tuple[str, int], float] = {}
    for number, row in numbered_rows(path):
        try:
            key, score = (str(row["id"]), int(row["sample"])), float(row["score"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path}:{number}: not a score ({error!r}); expected id, sample and score") from error
        if not math.isfinite(score):
            raise DatasetError(f"{path}:{number}: the score is {score}; expected a finite number")
        found[key] = score
    return found


def read_scores(path: Path, ballots: Ballots) -> Floats:
    """Q x N scores in the order of the ballots; DatasetError names the first sample without one."""
    found = score_lines(path)
    table = np.empty(ballots.answers.shape)
    missing = 0
    first = ""
    for place, name in enumerate(ballots.ids):
        for sample in range(ballots.samples):
            score = found.get((name, sample))
            if score is None:
                missing += 1
                first = first or f"sample {sample} of question {name}"
            else:
                table[place, sample] = score
    if missing:
        raise DatasetError(
            f"{path}: {missing} samples of {ballots.name} have no score, the first is {first}; score them too"
        )
    return table
