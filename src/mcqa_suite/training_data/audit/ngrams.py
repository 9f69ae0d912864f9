"""Which parts of many items (their n-grams, or the pairs of a grid task) a large number of rows contains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain

# GPT-3 (arXiv 2005.14165, appendix C) ignores n-grams that occur more than ten times; here: in more than ten questions
BOILERPLATE = 10


@dataclass(frozen=True)
class Coverage:
    """How much of an item is in the rows.

    `parts` are those that any row has, `share` is their share of the item's parts. `row` is the first of the rows with most
    parts, and `row_share` its share. `rows` counts the rows with at least a given share.
    """

    parts: frozenset[Hashable]
    share: float
    row: int
    row_share: float
    rows: int


def ngrams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Every run of `n` words."""
    return zip(*(words[start:] for start in range(n)), strict=False)


def specific_ngrams(texts: Sequence[Sequence[str]], n: int, kinds: Sequence[str]) -> list[set[Hashable]]:
    """The n-grams of each text without those in more than BOILERPLATE questions; texts of the same kind are one question."""
    by_kind: dict[str, set[Hashable]] = defaultdict(set)
    for text, kind in zip(texts, kinds, strict=True):
        by_kind[kind].update(ngrams(text, n))
    questions = Counter(chain.from_iterable(by_kind.values()))
    return [{gram for gram in ngrams(text, n) if questions[gram] <= BOILERPLATE} for text in texts]


def coverages(
    items: Sequence[AbstractSet[Hashable]], rows: Iterable[Iterable[Hashable]], least: float
) -> dict[int, Coverage]:
    """The coverage of each item that shares a part with a row, by the item's number; `least` is the share for `rows`."""
    items_with: dict[Hashable, list[int]] = defaultdict(list)
    for number, parts in enumerate(items):
        for part in parts:
            items_with[part].append(number)
    seen: set[Hashable] = set()
    most: dict[int, tuple[int, int]] = {}  # item -> the largest number of its parts in a row, and this row
    enough: Counter[int] = Counter()
    for index, row in enumerate(rows):
        shared = items_with.keys() & row
        seen |= shared
        for number, count in Counter(chain.from_iterable(items_with[part] for part in shared)).items():
            enough[number] += count >= least * len(items[number])
            if count > most.get(number, (0, 0))[0]:
                most[number] = count, index
    result = {}
    for number, (count, index) in most.items():
        parts, total = frozenset(items[number] & seen), len(items[number])
        result[number] = Coverage(parts, len(parts) / total, index, count / total, enough[number])
    return result
