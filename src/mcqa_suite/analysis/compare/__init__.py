"""Two or more runs -> what changed, and what it is worth."""

from mcqa_suite.analysis.compare.engine import compare, compare_folders, read_folders
from mcqa_suite.analysis.compare.result import Comparison, ComparisonRow, FailedCheck, Family
from mcqa_suite.analysis.compare.significance import exit_code, family_text, gate_text, is_significant, mark
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import Options
