"""Divide the groups of a source into parts, by a hash of the seed and the group's name, so that no question is in two parts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

from mcqa_suite.common.errors import ConfigError, DatasetError

SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}
POOLS = {"sft": 0.6, "ai": 0.3, "human": 0.05, "held_out": 0.05}


def split_groups(
    groups: Iterable[str],
    *,
    shares: Mapping[str, float] | None = None,
    counts: Mapping[str, int | None] | None = None,
    seed: int = 0,
) -> dict[str, str]:
    """The part of each group, by `shares` that sum to 1 or by `counts` of groups; one count may be None, for the rest.

    With shares, the part of a group depends only on its name and the seed, and parts have their shares on average. With counts,
    parts have exactly these sizes, a new group moves at most one other group of each part, and groups beyond the counts have no
    part. The order of the parts does not matter. ConfigError for impossible parts, DatasetError for too few groups.
    """
    unique = dict.fromkeys(groups)
    if (shares is None) == (counts is None):
        raise ConfigError("a split needs either shares or counts")
    if shares is not None:
        return _by_shares(unique, shares, seed)
    return _by_counts(unique, counts or {}, seed)


def position(group: str, seed: int) -> float:
    """A number in [0, 1), computed from the group's name and the seed."""
    digest = hashlib.sha256(f"split\x1f{seed}\x1f{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48  # 48 bits: every value below 1 is exact


def _by_shares(groups: Iterable[str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise ConfigError(f"part {name!r}: share is {share!r}; expected a number above 0 and at most 1")
    if not math.isclose(total := math.fsum(shares.values()), 1, abs_tol=1e-6):
        raise ConfigError(f"the shares of {', '.join(shares)} sum to {total:g}; they have to sum to 1")
    names = sorted(shares)
    ends = [math.fsum(shares[name] for name in names[: i + 1]) for i in range(len(names))]
    return {
        group: next((n for n, end in zip(names, ends, strict=True) if position(group, seed) < end), names[-1])
        for group in groups
    }


def _by_counts(groups: Iterable[str], counts: Mapping[str, int | None], seed: int) -> dict[str, str]:
    for name, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ConfigError(f"part {name!r}: count is {count!r}; expected a number of groups, or null for the rest")
    rest = [name for name, count in counts.items() if count is None]
    if len(rest) > 1:
        raise ConfigError(f"parts {' and '.join(map(repr, rest))} have the count null; only one part can take the rest")
    ordered = sorted(groups, key=lambda group: (position(group, seed), group))
    numbers = {name: count for name, count in sorted(counts.items()) if count is not None}
    if (total := sum(numbers.values())) > len(ordered):
        raise DatasetError(f"{', '.join(numbers)} need {total} groups, there are {len(ordered)}; lower a count")
    names = [name for name, count in numbers.items() for _ in range(count)]
    names += rest * (len(ordered) - len(names))
    return dict(zip(ordered, names, strict=False))
