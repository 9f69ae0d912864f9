"""Entries of a mix: which source, and how many of its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT
from mcqa_suite.common.errors import ConfigError


@dataclass(frozen=True, config=STRICT)
class MixEntry:
    """A source of rows.

    `n` is the number of rows (None: all), `share` a share of the stage's `rows`; they are drawn with `seed`. Where the data set
    has no splits, its groups are divided into `splits.SPLITS`, and `split` names one of these. `pool` names a part of
    `pool_shares` (their sum is 1; by default `splits.POOLS`) or of `pool_counts` (numbers of groups; None is all that remain).
    """

    source: str
    n: int | None = None
    seed: int = 0
    path: str | None = None
    share: float | None = None
    split: str | None = None
    pool: str | None = None
    pool_shares: dict[str, Any] | None = None
    pool_counts: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        name = f"source {self.source!r}"
        if self.n is not None and self.share is not None:
            raise ValueError(f"{name}: both 'n' and 'share'; give only one of them")
        if self.n is not None and self.n < 1:
            raise ValueError(f"{name}: n is {self.n}; expected at least 1")
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError(f"{name}: share is {self.share:g}; expected a number above 0 and at most 1")
        if self.pool is None and (self.pool_shares or self.pool_counts):
            raise ValueError(f"{name}: 'pool_shares' or 'pool_counts' without 'pool'; name one of the pools as 'pool'")
        if self.pool_shares and self.pool_counts:
            raise ValueError(f"{name}: both 'pool_shares' and 'pool_counts'; give only one of them")


@dataclass(frozen=True, config=STRICT)
class Source(MixEntry):
    """Rows of prompts and completions for training or calibration, of a source in `sources.SOURCES`.

    `style` is the form of the answer, `config` a config of the data set. For grids, each task comes in `views` augmented views,
    with `swap` also with each demonstration in place of the test pair, and `encoder` writes a grid as text.
    """

    style: str | None = None
    config: str | None = None
    views: int | None = None
    swap: bool | None = None
    encoder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.views is not None and not 1 <= self.views <= 64:
            raise ValueError(f"source {self.source!r}: views is {self.views}; expected 1 to 64")


@dataclass(frozen=True, config=STRICT)
class PairSource(MixEntry):
    """Preference pairs of a source in `sources.PAIRS`.

    `epfl_raw` keeps a pair where at least `min_agreement` of the four criteria agree with `overall`; with `tolerance` a
    criterion that reads "AB" or "None" counts as agreeing. `keep_first` keeps the first pair of every question.
    """

    min_agreement: int = 0
    tolerance: bool = False
    keep_first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.min_agreement <= 4:
            raise ValueError(f"min_agreement: {self.min_agreement}; expected 0 to 4 of the four criteria")


def counts(entries: Sequence[MixEntry], rows: int | None = None) -> list[int | None]:
    """The number of rows of each entry of a mix (None: all); ConfigError where `n`, `share` and `rows` contradict each other.

    Either no entry has a `share`, or all have one, the shares sum to 1, and `rows` is the total. Counts from shares sum to
    `rows` exactly: the largest remainders are rounded up.
    """
    if not entries:
        raise ConfigError("data: empty; name at least one source")
    without = [entry.source for entry in entries if entry.share is None]
    if len(without) == len(entries):
        if rows is not None:
            raise ConfigError(f"rows is {rows} and no source has a 'share'; give shares, or an 'n' each and no rows")
        return [entry.n for entry in entries]
    if without:
        raise ConfigError(f"source {without[0]!r} has no 'share' and others have one; give every source a share")
    if rows is None:
        raise ConfigError("sources have a 'share' and the stage has no 'rows'; give the total number of rows")
    shares = [entry.share or 0.0 for entry in entries]
    if not math.isclose(total := math.fsum(shares), 1, abs_tol=1e-6):
        raise ConfigError(f"shares sum to {total:g}; they have to sum to 1")
    exact = [share * rows for share in shares]
    rounded = [math.floor(value + 1e-9) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: rounded[i] - exact[i])
    for i in by_remainder[: rows - sum(rounded)]:
        rounded[i] += 1
    if 0 in rounded:
        entry = entries[rounded.index(0)]
        raise ConfigError(f"source {entry.source!r}: a share of {entry.share:g} of {rows} rows is none; raise rows")
    return list(rounded)
