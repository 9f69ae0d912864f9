"""ARC grids: as text and back, augmented and inverted, selected by vote, scored and submitted."""

from mcqa_suite.grids.augment import Augmentation, augmentations, augmented
from mcqa_suite.grids.encoders import DEFAULT, Encoder, Grid, encoder, read
from mcqa_suite.grids.score import GridScore, score, task_score
from mcqa_suite.grids.select import ATTEMPTS, Candidate, by_loglikelihood, by_votes
from mcqa_suite.grids.tasks import RELEASES, Pair, Task, load, load_tasks, prompt
from mcqa_suite.grids.views import Seen, load_views, seen, view_of, vote_score

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
    "Seen",
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
    "seen",
    "task_score",
    "view_of",
    "vote_score",
]


def encode(grid: Grid) -> str:
    """A grid in the default form: rows of digits separated by spaces, one row a line."""
    return encoder(DEFAULT).encode(grid)
