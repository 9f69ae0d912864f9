"""How a recipe or a stage's YAML names the rows that it wants, and how many of each a mix takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT
from mcqa_suite.common.errors import ConfigError


@dataclass(frozen=True, config=STRICT)
class Source:
    """Where training or calibration rows come from, and the form of the answer (see `sources.SOURCES`).

    `n` is a count of rows (none: all of them), `share` a share of the stage's `rows`; `seed` draws which ones. `config` and
    `split` are the data set's own; where it has no splits, train, validation and test are made of its groups
    (`splits.SPLITS`). `pool` is one part of `pool_shares` (which sum to 1; by default `splits.POOLS`) or of `pool_counts`,
    which count groups; a count of null is what the others leave. `views`, `swap` and `encoder` are of grids: so many augmented
    views of a task, each demonstration in turn asked for in place of the test pair, and the form of a grid as text.
    """

    source: str
    n: int | None = None
    seed: int = 0
    path: str | None = None
    style: str | None = None
    share: float | None = None
    split: str | None = None
    config: str | None = None
    pool: str | None = None
    pool_shares: dict[str, Any] | None = None
    pool_counts: dict[str, Any] | None = None
    views: int | None = None
    swap: bool | None = None
    encoder: str | None = None

    def __post_init__(self) -> None:
        check_amount(self)
        if self.views is not None and not 1 <= self.views <= 64:
            raise ValueError(f"source {self.source!r}: views is {self.views}; expected 1 to 64")


@dataclass(frozen=True, config=STRICT)
class PairSource:
    """Where preference pairs come from (see `sources.PAIRS`); the keys of `Source` mean the same here.

    `epfl_raw` keeps a pair where at least `min_agreement` of the four criteria agree with `overall`; with `tolerance` a
    criterion that reads "AB" or "None" counts as agreeing. `keep_first` keeps the first pair of every question.
    """

    source: str
    n: int | None = None
    seed: int = 0
    path: str | None = None
    share: float | None = None
    split: str | None = None
    min_agreement: int = 0
    tolerance: bool = False
    keep_first: bool = False
    pool: str | None = None
    pool_shares: dict[str, Any] | None = None
    pool_counts: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check_amount(self)
        if not 0 <= self.min_agreement <= 4:
            raise ValueError(f"min_agreement: {self.min_agreement}; expected 0 to 4 of the four criteria")


def check_amount(entry: Source | PairSource) -> None:
    """ValueError for a count or a share that cannot be one, and for both at once."""
    if entry.n is not None and entry.share is not None:
        raise ValueError(f"source {entry.source!r}: both 'n' and 'share'; give a count or a share")
    if entry.n is not None and entry.n < 1:
        raise ValueError(f"source {entry.source!r}: n is {entry.n}; expected at least 1")
    if entry.share is not None and not 0 < entry.share <= 1:
        raise ValueError(f"source {entry.source!r}: share is {entry.share:g}; expected a number above 0 and at most 1")
    if entry.pool is None and (entry.pool_shares or entry.pool_counts):
        raise ValueError(f"source {entry.source!r}: pools are described and no 'pool' is chosen; name one of them")
    if entry.pool_shares and entry.pool_counts:
        raise ValueError(f"source {entry.source!r}: both 'pool_shares' and 'pool_counts'; give one of the two")


def counts(entries: Sequence[Source | PairSource], rows: int | None = None) -> list[int | None]:
    """How many rows each entry of a mix gives, None for all that it has; ConfigError where the entries do not say.

    Either no entry has a `share`, or all have one, they sum to 1, and `rows` is the total. Counts made of shares sum to
    `rows` exactly: what rounding down leaves over goes to the largest remainders.
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
    shares = [entry.share or 0.0 for entry in entries]
    if rows is None:
        raise ConfigError("sources have a 'share' and the stage no 'rows'; say how many rows there are in all")
    if not math.isclose(math.fsum(shares), 1, abs_tol=1e-6):
        raise ConfigError(f"shares sum to {math.fsum(shares):g}; they have to sum to 1")
    return _apportioned(entries, shares, rows)


def _apportioned(entries: Sequence[Source | PairSource], shares: list[float], rows: int) -> list[int | None]:
    exact = [share * rows for share in shares]
    made = [math.floor(value + 1e-9) for value in exact]
    by_remainder = sorted(range(len(made)), key=lambda i: made[i] - exact[i])
    for i in by_remainder[: rows - sum(made)]:
        made[i] += 1
    for entry, share, number in zip(entries, shares, made, strict=True):
        if not number:
            raise ConfigError(f"source {entry.source!r}: a share of {share:g} of {rows} rows is none; raise rows")
    return list(made)
