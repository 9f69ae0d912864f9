"""The tables of sources, the rows of one source or of a mix, and their fingerprint for a manifest."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import Data
from mcqa_suite.training_data.sources.arc_grids import ARC_GRIDS
from mcqa_suite.training_data.sources.multiple_choice import MULTIPLE_CHOICE
from mcqa_suite.training_data.sources.pairs import PAIRS
from mcqa_suite.training_data.sources.persuasion import PERSUASION
from mcqa_suite.training_data.sources.reader import Reader, Row, check_choice
from mcqa_suite.training_data.sources.spec import MixEntry, PairSource, Source, counts
from mcqa_suite.training_data.sources.splits import POOLS, SPLITS, split_groups
from mcqa_suite.training_data.sources.word_problems import WORD_PROBLEMS

SOURCES: dict[str, Reader[Source]] = {**MULTIPLE_CHOICE, **WORD_PROBLEMS, "arc_grids": ARC_GRIDS, **PERSUASION}
ALWAYS_READ = ("source", "n", "share", "seed", "style")
# Splits and pools have fixed seeds, so that all entries of a mix put a group into the same part.
SPLIT_SEED, POOL_SEED = 0, 1


def read(sources: Iterable[MixEntry], rows: int | None = None) -> tuple[list[Row], tuple[Data, ...]]:
    """The rows of a mix, source after source, and a fingerprint of each source's rows.

    `rows` is the total of a mix by shares.
    """
    entries = list(sources)
    parts = [_rows(entry, n) for entry, n in zip(entries, counts(entries, rows), strict=True)]
    fingerprints = [fingerprint(entry.source, part) for entry, part in zip(entries, parts, strict=True)]
    return [row for part in parts for row in part], tuple(fingerprints)


def rows(source: MixEntry) -> list[Row]:
    """The rows of one source in its own order; with `n`, that many of them, drawn with its seed."""
    return _rows(source, source.n)


def _rows(entry: MixEntry, n: int | None) -> list[Row]:
    """`n` rows of one entry (None: all) in the source's order; DatasetError where there are fewer."""
    readers: dict[str, Any] = PAIRS if isinstance(entry, PairSource) else SOURCES
    check_choice("source", entry.source, readers)
    reader = readers[entry.source]
    _check_keys(entry, (*ALWAYS_READ, *reader.keys))
    rows: list[Row] = reader.rows(dataclasses.replace(entry, n=n, share=None))
    rows = _in_pool(entry, rows if reader.own_splits else _in_split(entry, rows))
    if not rows:
        raise DatasetError(f"source {entry.source!r}: no row left; loosen its filters, or choose another split or pool")
    if n is not None and n > len(rows):
        raise DatasetError(f"source {entry.source!r}: {len(rows)} rows, and n is {n}; lower n or its share")
    return rows if n is None else draw(rows, n, entry.seed)


def _check_keys(entry: MixEntry, keys: Sequence[str]) -> None:
    for field in dataclasses.fields(entry):
        if field.name not in keys and getattr(entry, field.name) != field.default:
            raise ConfigError(f"source {entry.source!r}: unknown key {field.name!r}; valid keys: {', '.join(keys)}")


def _in_split(entry: MixEntry, rows: list[Row]) -> list[Row]:
    if entry.split is None:
        return rows
    check_choice(f"split of source {entry.source!r}", entry.split, SPLITS)
    part = split_groups((row["group"] for row in rows), shares=SPLITS, seed=SPLIT_SEED)
    return [row for row in rows if part[row["group"]] == entry.split]


def _in_pool(entry: MixEntry, rows: list[Row]) -> list[Row]:
    if entry.pool is None:
        return rows
    shares = None if entry.pool_counts else entry.pool_shares or POOLS
    check_choice(f"pool of source {entry.source!r}", entry.pool, shares or entry.pool_counts or {})
    groups = (row["group"] for row in rows)
    part = split_groups(groups, shares=shares, counts=entry.pool_counts, seed=POOL_SEED)
    return [row for row in rows if part.get(row["group"]) == entry.pool]


def draw(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    """`n` of the rows in their order, drawn by a hash of seed and id, so that a larger `n` keeps the rows of a smaller one."""
    keys = [hashlib.sha256(f"{seed}\x1f{row['id']}".encode("utf-8", "surrogatepass")).digest() for row in rows]
    return [rows[i] for i in sorted(sorted(range(len(rows)), key=lambda i: (keys[i], i))[:n])]


def fingerprint(name: str, rows: Iterable[Row]) -> Data:
    """The name of a source, its number of rows and the SHA-256 of their texts, for a manifest."""
    digest, n = hashlib.sha256(), 0
    for row in rows:
        texts = [row[key] for key in ("prompt", "completion", "chosen", "rejected") if key in row]
        digest.update("\x1f".join([*texts, ""]).encode("utf-8", "surrogatepass"))
        n += 1
    return Data(name, n, digest.hexdigest())
