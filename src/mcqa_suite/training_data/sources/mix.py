"""The tables of sources, the rows of one source or of a mix, and their fingerprint for a manifest.

Groups are divided into splits and pools by a hash of the seed and the group's name, so that no question is in two parts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from mcqa_suite.common.chat_template import Format
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import Data
from mcqa_suite.questions.bundle import Origin
from mcqa_suite.training_data.sources.arc_grids import ARC_GRIDS
from mcqa_suite.training_data.sources.multiple_choice import MULTIPLE_CHOICE
from mcqa_suite.training_data.sources.own_rows import OWN_ROWS
from mcqa_suite.training_data.sources.pairs import PAIRS
from mcqa_suite.training_data.sources.persuasion import PERSUASION
from mcqa_suite.training_data.sources.source import (
    MixEntry,
    PairSource,
    Reader,
    Row,
    Source,
    check_choice,
    format_of_style,
)
from mcqa_suite.training_data.sources.word_problems import WORD_PROBLEMS

SOURCES: dict[str, Reader[Source]] = {
    **MULTIPLE_CHOICE,
    **WORD_PROBLEMS,
    "arc_grids": ARC_GRIDS,
    **PERSUASION,
    "rows": OWN_ROWS,
}
E = TypeVar("E", bound=MixEntry)
ALWAYS_READ = ("source", "n", "share", "seed", "style", "max_tokens", "too_long")
TEXTS = ("system", "earlier", "prompt", "completion", "chosen", "rejected")  # of which a fingerprint is made
SPLIT_KEYS = {None: (), "own": ("split",), "made": ("split", "pool", "pool_shares", "pool_counts")}
SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}
POOLS = {"sft": 0.6, "ai": 0.3, "human": 0.05, "held_out": 0.05}
# Splits and pools have fixed seeds, so that all entries of a mix put a group into the same part.
SPLIT_SEED, POOL_SEED = 0, 1


def read(sources: Iterable[MixEntry], total: int | None = None) -> tuple[list[Row], tuple[Data, ...]]:
    """The rows of a mix, source after source, and a fingerprint of each source's rows.

    `total` is the number of rows of a mix by shares.
    """
    entries = list(sources)
    parts = [
        rows(dataclasses.replace(entry, n=n, share=None))
        for entry, n in zip(entries, counts(entries, total), strict=True)
    ]
    fingerprints = [fingerprint(entry.source, part) for entry, part in zip(entries, parts, strict=True)]
    return [row for part in parts for row in part], tuple(fingerprints)


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


def with_origin(entry: E, origin: Origin) -> E:
    """The entry with `data: <origin>`, where its source has that key and the entry does not set it."""
    reader = _readers(entry).get(entry.source)
    takes = entry.data is None and reader is not None and "data" in reader.keys
    return dataclasses.replace(entry, data=origin) if takes else entry


def rows(entry: MixEntry) -> list[Row]:
    """The rows of one source in its own order; with `n`, that many of them, drawn with its seed.

    DatasetError where there are fewer.
    """
    reader = _reader(entry)
    keys = (*ALWAYS_READ, *reader.keys, *SPLIT_KEYS[reader.splits])
    for field in dataclasses.fields(entry):
        if field.name not in keys and getattr(entry, field.name) != field.default:
            raise ConfigError(f"source {entry.source!r}: unknown key {field.name!r}; valid keys: {', '.join(keys)}")
    rows = _in_part(entry, reader.rows(entry), reader.splits)
    if not rows:
        raise DatasetError(f"source {entry.source!r}: no row left; loosen its filters, or choose another split or pool")
    if entry.n is not None and entry.n > len(rows):
        raise DatasetError(f"source {entry.source!r}: {len(rows)} rows, and n is {entry.n}; lower n or its share")
    chosen = rows if entry.n is None else draw(rows, entry.n, entry.seed)
    return [row | _length(entry) for row in chosen]


def _length(entry: MixEntry) -> Row:
    """What a row says of its length, which a stage reads once it has a tokenizer."""
    if entry.max_tokens is None:
        return {}
    return {"max_tokens": str(entry.max_tokens), "too_long": getattr(entry, "too_long", None) or "drop"}


def is_source(entry: MixEntry) -> bool:
    """Whether there is a source of the entry's name: of pairs for a PairSource, else of completions."""
    return entry.source in _readers(entry)


def format_of(entry: MixEntry) -> Format:
    """The format of the rows of a source."""
    return format_of_style(_reader(entry).style_of(entry))


def _reader(entry: MixEntry) -> Any:
    readers = _readers(entry)
    check_choice("source", entry.source, readers)
    return readers[entry.source]


def _readers(entry: MixEntry) -> dict[str, Any]:
    return dict(PAIRS) if isinstance(entry, PairSource) else dict(SOURCES)


def _in_part(entry: MixEntry, rows: list[Row], splits: str | None) -> list[Row]:
    """The rows whose groups are in the entry's split and pool."""
    if entry.split is not None and splits == "made":
        check_choice(f"split of source {entry.source!r}", entry.split, SPLITS)
        part = split_by_shares((row["group"] for row in rows), SPLITS, SPLIT_SEED)
        rows = [row for row in rows if part[row["group"]] == entry.split]
    return rows if entry.pool is None else in_pool(entry, rows)


def in_pool(entry: MixEntry, rows: list[Row]) -> list[Row]:
    """The rows of the entry's pool, with the pool's name; a row that names a pool already is in that one."""
    pools: Any = entry.pool_counts or entry.pool_shares or POOLS
    check_choice(f"pool of source {entry.source!r}", entry.pool or "", pools)
    split = split_by_counts if entry.pool_counts else split_by_shares
    groups = {row["group"] for row in rows if "pool" not in row}
    part = split(groups, pools, POOL_SEED) if groups else {}
    return [row | {"pool": entry.pool or ""} for row in rows if row.get("pool", part.get(row["group"])) == entry.pool]


def position(group: str, seed: int) -> float:
    """A number in [0, 1), computed from the group's name and the seed."""
    digest = hashlib.sha256(f"split\x1f{seed}\x1f{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48  # 48 bits: every value below 1 is exact


def split_by_shares(groups: Iterable[str], shares: Mapping[str, float], seed: int = 0) -> dict[str, str]:
    """The part of each group, where parts have their shares on average; it depends only on the group's name and the seed.

    The order of the parts does not matter. ConfigError where the shares do not sum to 1.
    """
    if not math.isclose(total := math.fsum(shares.values()), 1, abs_tol=1e-6):
        raise ConfigError(f"the shares of {', '.join(shares)} sum to {total:g}; they have to sum to 1")
    names = sorted(shares)
    ends = list(accumulate(shares[name] for name in names))[:-1]
    return {group: names[bisect(ends, position(group, seed))] for group in groups}


def split_by_counts(groups: Iterable[str], counts: Mapping[str, int | None], seed: int = 0) -> dict[str, str]:
    """The part of each group, where parts have exactly these numbers of groups; one count may be None, for the rest.

    A new group moves at most one other group of each part. Without a count None, groups beyond the counts have no part. The
    order of the parts does not matter. ConfigError for two counts None, DatasetError for too few groups.
    """
    rest = [name for name, count in counts.items() if count is None]
    if len(rest) > 1:
        raise ConfigError(f"parts {' and '.join(map(repr, rest))} have the count null; only one part can take the rest")
    ordered = sorted(set(groups), key=lambda group: (position(group, seed), group))
    numbers = {name: count for name, count in sorted(counts.items()) if count is not None}
    if (total := sum(numbers.values())) > len(ordered):
        raise DatasetError(f"{', '.join(numbers)} need {total} groups, there are {len(ordered)}; lower a count")
    names = [name for name, count in numbers.items() for _ in range(count)]
    names += rest * (len(ordered) - len(names))
    return dict(zip(ordered, names, strict=False))


def draw(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    """`n` of the rows in their order, drawn by a hash of seed and id, so that a larger `n` keeps the rows of a smaller one."""
    keys = [hashlib.sha256(f"{seed}\x1f{row['id']}".encode("utf-8", "surrogatepass")).digest() for row in rows]
    return [rows[i] for i in sorted(sorted(range(len(rows)), key=lambda i: (keys[i], i))[:n])]


def fingerprint(name: str, rows: Sequence[Row]) -> Data:
    """The name of a source, its number of rows and the SHA-256 of their texts, for a manifest."""
    digest = hashlib.sha256()
    for row in rows:
        texts = [row[key] for key in TEXTS if key in row]
        digest.update("\x1f".join([*texts, ""]).encode("utf-8", "surrogatepass"))
    return Data(name, len(rows), digest.hexdigest())
