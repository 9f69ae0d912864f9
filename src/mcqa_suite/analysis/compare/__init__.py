"""Two or more runs -> what changed, and what it is worth."""

from mcqa_suite.analysis.compare.engine import compare, compare_folders, read_folders
from mcqa_suite.analysis.compare.gate import (
    FAILED,
    NOT_JUDGED,
    PASSED,
    UNDECIDED,
    Gate,
    Judgement,
    fail_if_worse,
    max_drop,
    together,
)
from mcqa_suite.analysis.compare.published import NAME as PUBLISHED
from mcqa_suite.analysis.compare.published import Published, compare_published
from mcqa_suite.analysis.compare.result import Comparison, ComparisonRow, FailedCheck, Family
from mcqa_suite.analysis.compare.subset import read_subset, restricted
from mcqa_suite.analysis.compare.tasks import Options
from mcqa_suite.analysis.compare.verdicts import (
    MEANING,
    bound_words,
    family_text,
    is_significant,
    is_within_margin,
    mark,
    settling_words,
    verdict_words,
)
