"""ARC grids: as text and back, augmented and inverted, selected by vote, scored and submitted."""

from mcqa_suite.grids.augment import Augmentation, augmentations, augmented, load_views, swapped, view_of
from mcqa_suite.grids.encoders import DEFAULT, Encoder, Grid, encoder, read
from mcqa_suite.grids.tasks import RELEASES, Pair, Task, load, load_tasks, prompt
from mcqa_suite.grids.votes import (
    ATTEMPTS,
    Candidate,
    GridScore,
    by_loglikelihood,
    by_votes,
    score,
    submission,
    task_score,
)

__all__ = [
    "ATTEMPTS",
    "DEFAULT",
    "RELEASES",
    "Augmentation",
    "Candidate",
    "Encoder",
    "Grid",
    "GridScore",
    "Pair",
    "Task",
    "augmentations",
    "augmented",
    "by_loglikelihood",
    "by_votes",
    "encode",
    "encoder",
    "load",
    "load_tasks",
    "load_views",
    "prompt",
    "read",
    "score",
    "submission",
    "swapped",
    "task_score",
    "view_of",
]


def encode(grid: Grid) -> str:
    """A grid in the default form: rows of digits separated by spaces, one row a line."""
    return encoder(DEFAULT).encode(grid)
