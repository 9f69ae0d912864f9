"""Two or more runs -> what changed, and what it is worth."""

from mcqa_suite.analysis.compare.engine import compare
from mcqa_suite.analysis.compare.result import Change, Choices, Comparison, ComparisonRow, FailedCheck, Flips
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import Options
from mcqa_suite.analysis.compare.verdict import exit_code

__all__ = [
    "Change",
    "Choices",
    "Comparison",
    "ComparisonRow",
    "FailedCheck",
    "Flips",
    "Options",
    "compare",
    "exit_code",
    "read_subset",
    "restricted",
]
