"""Entries of a mix: which source, and how many of its rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, config=STRICT)
class MixEntry:
    """A source of rows.

    `n` is the number of rows (None: all), `share` a share of the stage's `rows`; they are drawn with `seed`. Where the data set
    has no splits, its groups are divided into `splits.SPLITS`, and `split` names one of these. `pool` names a part of
    `pool_shares` (their sum is 1; by default `splits.POOLS`) or of `pool_counts` (numbers of groups; None is all that remain).
    """

    source: str
    n: Count | None = None
    seed: int = 0
    path: str | None = None
    share: Share | None = None
    split: str | None = None
    pool: str | None = None
    pool_shares: dict[str, Share] | None = None
    pool_counts: dict[str, Count | None] | None = None

    def __post_init__(self) -> None:
        for first, second in (("n", "share"), ("pool_shares", "pool_counts")):
            if getattr(self, first) and getattr(self, second):
                raise ValueError(f"source {self.source!r}: both {first!r} and {second!r}; give only one of them")
        if self.pool is None and (self.pool_shares or self.pool_counts):
            raise ValueError(
                f"source {self.source!r}: 'pool_shares' or 'pool_counts' without 'pool'; name one of the pools as 'pool'"
            )


@dataclass(frozen=True, config=STRICT)
class Source(MixEntry):
    """Rows of prompts and completions for training or calibration, of a source in `sources.SOURCES`.

    `style` is the form of the answer, `config` a config of the data set. For grids, each task comes in `views` augmented views,
    with `swap` also with each demonstration in place of the test pair, and `encoder` writes a grid as text.
    """

    style: str | None = None
    config: str | None = None
    views: Annotated[int, Field(ge=1, le=64)] | None = None
    swap: bool | None = None
    encoder: str | None = None


@dataclass(frozen=True, config=STRICT)
class PairSource(MixEntry):
    """Preference pairs of a source in `sources.PAIRS`.

    `epfl_raw` keeps a pair where at least `min_agreement` of the four criteria agree with `overall`; with `tolerance` a
    criterion that reads "AB" or "None" counts as agreeing. `keep_first` keeps the first pair of every question.
    """

    min_agreement: Annotated[int, Field(ge=0, le=4)] = 0
    tolerance: bool = False
    keep_first: bool = False
