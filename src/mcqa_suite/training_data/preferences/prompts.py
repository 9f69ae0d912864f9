"""Prompts to sample responses to: the rows of a pool that training leaves aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.training_data.sources.mix import draw, in_pool, rows
from mcqa_suite.training_data.sources.source import Row, Source


@dataclass(frozen=True)
class PoolPrompts:
    """Rows with a prompt, and the numbers of the pool's rows and of those whose prompt another group has too."""

    rows: list[Row]
    in_pool: int
    shared: int


def prompts_of_pool(sources: Iterable[Source], pool: str, n: int | None = None, seed: int = 0) -> PoolPrompts:
    """The rows of a pool of all sources that are divided into pools; with `n`, that many of them, drawn with the seed.

    A prompt that several groups have, such as the beginning of a dialogue, is left out: it would be in several pools.
    ConfigError where no source is divided into pools, or one is divided in two ways; DatasetError where there are fewer than
    `n` prompts.
    """
    entries: dict[str, Source] = {}
    for source in sources:
        if source.pool is not None:
            entry = dataclasses.replace(source, pool=pool, n=None, share=None, seed=0)
            if entries.setdefault(repr(_undivided(entry)), entry) != entry:
                raise ConfigError(
                    f"source {entry.source!r}: two entries describe its pools differently; use the same words"
                )
    if not entries:
        raise ConfigError("no source of an SFT stage has a 'pool'; add pool: sft to those that are to be divided")
    parts = [(entry, rows(_undivided(entry))) for entry in entries.values()]
    groups: dict[str, set[str]] = {}
    for row in (row for _, part in parts for row in part):
        groups.setdefault(row["prompt"], set()).add(row["group"])
    drawn = [row for entry, part in parts for row in in_pool(entry, part)]
    own = [row for row in drawn if len(groups[row["prompt"]]) == 1]
    if not own:
        raise DatasetError(f"pool {pool!r}: no prompt in it; choose another pool, or give it a larger share")
    if n is not None and n > len(own):
        raise DatasetError(
            f"pool {pool!r}: {len(own)} prompts, and --n is {n}; lower --n, or give the pool a larger share"
        )
    return PoolPrompts(own if n is None else draw(own, n, seed), len(drawn), len(drawn) - len(own))


def _undivided(entry: Source) -> Source:
    return dataclasses.replace(entry, pool=None, pool_shares=None, pool_counts=None)
