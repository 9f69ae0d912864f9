"""Two or more runs -> what changed, and what it is worth."""

from mcqa_suite.compare.engine import compare
from mcqa_suite.compare.result import Change, Choices, Comparison, Finding, Flips, Report
from mcqa_suite.compare.subset import read_subset, restricted
from mcqa_suite.compare.tasks import Options
from mcqa_suite.compare.verdict import exit_code

__all__ = [
    "Change",
    "Choices",
    "Comparison",
    "Finding",
    "Flips",
    "Options",
    "Report",
    "compare",
    "exit_code",
    "read_subset",
    "restricted",
]
