"""Training rows of many sources: a prompt with a completion, or with a chosen and a rejected response.

A row has the keys `id`, `group`, `source`, `topic`, `format` (of the task that asks the same) and `prompt`, then `completion`, or
`chosen` and `rejected`; where that task has a `description`, it is the key `system`; where its source is divided into pools, the
key `pool`. Rows with the same question have the same group, and all rows of a group are in one split and one pool.
"""

from mcqa_suite.training_data.sources.mix import SOURCES, format_of, is_source, read, rows, with_origin
from mcqa_suite.training_data.sources.multiple_choice import STYLES
from mcqa_suite.training_data.sources.pairs import PAIRS
from mcqa_suite.training_data.sources.source import PairSource, Source

__all__ = [
    "PAIRS",
    "SOURCES",
    "STYLES",
    "PairSource",
    "Source",
    "format_of",
    "is_source",
    "read",
    "rows",
    "with_origin",
]
