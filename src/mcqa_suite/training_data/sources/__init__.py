"""Training rows of many sources, as prompt and completion or as a pair of responses.

A row has `id`, `group`, `source`, `topic` and `prompt`, then `completion`, or `chosen` and `rejected`. A group is a
question's identity, and no group is in two splits or pools.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mcqa_suite.common.manifest import Data
from mcqa_suite.training_data.sources.arc_grids import ARC_GRIDS
from mcqa_suite.training_data.sources.mix import mix, rows_of
from mcqa_suite.training_data.sources.multiple_choice import MULTIPLE_CHOICE, STYLES
from mcqa_suite.training_data.sources.pairs import PAIRS
from mcqa_suite.training_data.sources.persuasion import PERSUASION
from mcqa_suite.training_data.sources.reader import Reader, Row
from mcqa_suite.training_data.sources.spec import PairSource, Source
from mcqa_suite.training_data.sources.word_problems import WORD_PROBLEMS

__all__ = ["PAIRS", "SOURCES", "STYLES", "PairSource", "Source", "pair_rows", "read", "read_pairs", "rows"]

SOURCES: dict[str, Reader[Any]] = {**MULTIPLE_CHOICE, **WORD_PROBLEMS, "arc_grids": ARC_GRIDS, **PERSUASION}


def rows(source: Source) -> list[Row]:
    """The rows of one source in its own order; `n` of them are drawn by its seed."""
    return rows_of(source, SOURCES, source.n)


def pair_rows(source: PairSource) -> list[Row]:
    """`rows` for preference pairs."""
    return rows_of(source, PAIRS, source.n)


def read(sources: Iterable[Source], rows: int | None = None) -> tuple[list[Row], tuple[Data, ...]]:
    """All rows of a mix, source after source, and a fingerprint of each; `rows` is the total of a mix by shares."""
    return mix(list(sources), SOURCES, rows)


def read_pairs(sources: Iterable[PairSource], rows: int | None = None) -> tuple[list[Row], tuple[Data, ...]]:
    """`read` for preference pairs."""
    return mix(list(sources), PAIRS, rows)
