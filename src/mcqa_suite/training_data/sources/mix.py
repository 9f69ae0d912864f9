"""Several sources as one list of rows: which rows of each, how many, and what a manifest says of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import Data
from mcqa_suite.training_data.sources.adaptor import COMMON, Row, known
from mcqa_suite.training_data.sources.spec import PairSource, Source, counts
from mcqa_suite.training_data.sources.splits import POOLS, SPLITS, split_groups

# Splits and pools are drawn by seeds of their own, the same for every entry, so that no two entries can disagree on them.
SPLIT_SEED, POOL_SEED = 0, 1


def mix(
    entries: Sequence[Source | PairSource], adaptors: Mapping[str, Any], total: int | None
) -> tuple[list[Row], tuple[Data, ...]]:
    """The rows of every entry one after the other, as many as `counts` says, and a fingerprint of each entry's."""
    made = [
        (entry.source, rows_of(entry, adaptors, n)) for entry, n in zip(entries, counts(entries, total), strict=True)
    ]
    return [row for _, part in made for row in part], tuple(fingerprint(name, part) for name, part in made)


def rows_of(entry: Source | PairSource, adaptors: Mapping[str, Any], n: int | None) -> list[Row]:
    """`n` rows of one entry, or all of them, in the source's order; DatasetError where there are fewer."""
    known("source", entry.source, adaptors)
    adaptor = adaptors[entry.source]
    _refuse_unread_keys(entry, adaptor.keys)
    whole: list[Row] = adaptor.rows(dataclasses.replace(entry, n=n, share=None))
    made = _in_pool(entry, whole if adaptor.own_splits else _in_split(entry, whole))
    if not made:
        raise DatasetError(f"source {entry.source!r}: no row left; loosen its filters, or choose another split or pool")
    if n is not None and n > len(made):
        raise DatasetError(f"source {entry.source!r}: {len(made)} rows, {n} asked for; lower n or its share")
    return made if n is None else draw(made, n, entry.seed)


def _in_split(entry: Source | PairSource, rows: list[Row]) -> list[Row]:
    """The rows whose groups are in the entry's split, of those that are made of every group."""
    if entry.split is None:
        return rows
    known(f"split of source {entry.source!r}", entry.split, SPLITS)
    part = split_groups((row["group"] for row in rows), shares=SPLITS, seed=SPLIT_SEED)
    return [row for row in rows if part[row["group"]] == entry.split]


def _in_pool(entry: Source | PairSource, rows: list[Row]) -> list[Row]:
    if entry.pool is None:
        return rows
    shares = None if entry.pool_counts else entry.pool_shares or POOLS
    known(f"pool of source {entry.source!r}", entry.pool, shares or entry.pool_counts or {})
    groups = (row["group"] for row in rows)
    part = split_groups(groups, shares=shares, counts=entry.pool_counts, seed=POOL_SEED)
    return [row for row in rows if part.get(row["group"]) == entry.pool]


def draw(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    """`n` of the rows in their own order, each drawn by a hash of the seed and its id: more rows keep those already drawn."""
    keys = [hashlib.sha256(f"{seed}\x1f{row['id']}".encode("utf-8", "surrogatepass")).digest() for row in rows]
    kept = sorted(sorted(range(len(rows)), key=lambda i: (keys[i], i))[:n])
    return [rows[i] for i in kept]


def _refuse_unread_keys(entry: Source | PairSource, keys: Iterable[str]) -> None:
    for field in dataclasses.fields(entry):
        given = getattr(entry, field.name) != field.default
        if given and field.name not in (*COMMON, *keys):
            allowed = ", ".join([*COMMON, *keys])
            raise ConfigError(f"source {entry.source!r} has no use for {field.name!r}; it reads {allowed}")


def fingerprint(name: str, rows: Iterable[Row]) -> Data:
    """What a manifest says of the rows that were made from the source `name`."""
    digest, n = hashlib.sha256(), 0
    for row in rows:
        texts = [row[key] for key in ("prompt", "completion", "chosen", "rejected") if key in row]
        digest.update("\x1f".join([*texts, ""]).encode("utf-8", "surrogatepass"))
        n += 1
    return Data(name, n, digest.hexdigest())
