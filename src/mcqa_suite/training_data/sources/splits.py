"""Divide the groups of a source into parts, by a hash of the seed and the group's name, so that no question is in two parts."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect
from collections.abc import Iterable, Mapping
from itertools import accumulate

from mcqa_suite.common.errors import ConfigError, DatasetError

SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}
POOLS = {"sft": 0.6, "ai": 0.3, "human": 0.05, "held_out": 0.05}


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
