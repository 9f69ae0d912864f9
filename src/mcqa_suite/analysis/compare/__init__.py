"""Two or more runs -> what changed, and what it is worth."""

from mcqa_suite.analysis.compare.engine import compare
from mcqa_suite.analysis.compare.folders import Folders, compare_folders, read_folders
from mcqa_suite.analysis.compare.result import Change, Choices, Comparison, ComparisonRow, FailedCheck, Family, Flips
from mcqa_suite.analysis.compare.significance import exit_code, family_text, is_significant, mark
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import Options
