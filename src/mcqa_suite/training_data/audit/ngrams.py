"""The n-grams of many short texts in a large corpus, as 64-bit hashes in a sorted array.

10 million words against one million n-grams are 10^13 chances of a false match at 2^-64 each: one in two million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Integers = NDArray[np.int64]
BOILERPLATE = (
    10  # GPT-3 (arXiv 2005.14165, appendix C) ignores n-grams that occur more than ten times; here: in ten questions
)
FILTER = 24  # bits of a hash that are looked up first, in a table of 16 MB: ten times as fast as the search
_SHIFT = np.uint64(64 - FILTER)
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Vocabulary:
    """Words of the evaluation items as numbers from 1; 0 is any other word, and n-grams with it are ignored."""

    def __init__(self, texts: Sequence[list[str]]) -> None:
        self._number = {word: index for index, word in enumerate(dict.fromkeys(w for text in texts for w in text), 1)}

    def encode(self, texts: Sequence[list[str]]) -> tuple[Integers, Integers]:
        """The numbers of all words in order, and the index of each word's text."""
        get = self._number.get
        codes = np.array([get(word, 0) for text in texts for word in text], np.int64)
        return codes, np.repeat(np.arange(len(texts)), [len(text) for text in texts])


def _mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele et al. 2014), a bijection that spreads neighbours over all 64 bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hashes(codes: Integers, owner: Integers, n: int) -> tuple[Hashes, Integers]:
    """The hash of every n-gram of vocabulary words inside one text, and the position of its first word."""
    size = len(codes) - n + 1
    if size < 1:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    mixed = _mix(codes.astype(np.uint64) * _ODD)
    total = np.zeros(size, np.uint64)
    for step in range(n):
        total *= _ODD
        total += mixed[step : step + size]
    unknown = np.concatenate([[0], np.cumsum(codes == 0)])
    whole = (owner[n - 1 :] == owner[:size]) & (unknown[n:] == unknown[:size])
    at = np.flatnonzero(whole)
    return _mix(total[at]), at


@dataclass(frozen=True, eq=False)
class Coverage:
    """Of each item: `total` n-grams that tell it from others, the `share` of them in any row (`head`: of those in its question),
    the `row` that holds most (-1: none) with its `row_share`, and how many `rows` hold at least the share of the index."""

    total: Integers
    share: NDArray[np.float64]
    head: NDArray[np.float64]
    row: Integers
    row_share: NDArray[np.float64]
    rows: Integers


class NgramIndex:
    """The n-grams of evaluation items, and how many of them the rows added so far hold.

    `heads`: how many words of an item are its question; the options follow, which training data may shuffle. Items with one
    number in `kinds` are instances of one question; an n-gram in more than BOILERPLATE of those identifies no question.
    """

    def __init__(
        self, n: int, texts: Sequence[list[str]], heads: Integers, kinds: Integers, vocabulary: Vocabulary, share: float
    ) -> None:
        self.n, self.items, self.share = n, len(texts), share
        codes, owner = vocabulary.encode(texts)
        grams, at = hashes(codes, owner, n)
        item = owner[at]
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(texts)))])[:-1]
        in_head = at - starts[item] + n <= heads[item]
        self.grams, index = np.unique(grams, return_inverse=True)
        common = np.unique(np.stack([index, kinds[item]]), axis=1)[0]
        rare = (np.bincount(common, minlength=len(self.grams)) <= BOILERPLATE)[index]
        # Heads come first, so that an n-gram that an item holds twice counts as one of its question.
        order = np.lexsort((~in_head, item, index))
        order = order[rare[order]]
        index, item, in_head = index[order], item[order], in_head[order]
        first = np.ones(len(order), bool)
        first[1:] = (index[1:] != index[:-1]) | (item[1:] != item[:-1])
        self.index, self.item, self.in_head = index[first], item[first], in_head[first]
        self.maybe = np.zeros(1 << FILTER, bool)
        self.maybe[self.grams >> _SHIFT] = True
        self.begin = np.searchsorted(self.index, np.arange(len(self.grams) + 1))
        self.total = np.bincount(self.item, minlength=self.items)
        self.seen = np.zeros(len(self.grams), bool)
        self.best, self.row, self.rows = (np.full(self.items, start) for start in (0, -1, 0))

    def add(self, codes: Integers, owner: Integers, first_row: int) -> None:
        """Count the n-grams of some rows; `owner` numbers them from 0, `first_row` is the number of the first."""
        grams, at = hashes(codes, owner, self.n)
        likely = self.maybe[grams >> _SHIFT]
        grams, at = grams[likely], at[likely]
        position = np.searchsorted(self.grams, grams)
        hit = np.append(self.grams, np.uint64(0))[position] == grams
        hits, rows = position[hit], owner[at[hit]]
        if not len(hits):
            return
        self.seen[hits] = True
        rows, hits = np.divmod(np.unique(rows * len(self.grams) + hits), len(self.grams))
        counts = self.begin[hits + 1] - self.begin[hits]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        items = self.item[np.repeat(self.begin[hits], counts) + offsets]
        width = int(owner[-1]) + 1
        keys, shared = np.unique(items * width + np.repeat(rows, counts), return_counts=True)
        self._update_best(*np.divmod(keys, width), shared, first_row)

    def _update_best(self, items: Integers, rows: Integers, shared: Integers, first_row: int) -> None:
        enough = shared >= self.share * self.total[items]
        self.rows += np.bincount(items[enough], minlength=self.items)
        order = np.lexsort((-rows, shared, items))  # the last of each item holds most; of equals, the first row
        last = order[np.append(items[order][1:] != items[order][:-1], True)] if len(order) else order
        better = last[shared[last] > self.best[items[last]]]
        self.best[items[better]] = shared[better]
        self.row[items[better]] = first_row + rows[better]

    def coverage(self) -> Coverage:
        seen = self.seen[self.index]
        count = partial(np.bincount, minlength=self.items)
        return Coverage(
            total=self.total,
            share=_shares(count(self.item[seen]), self.total),
            head=_shares(count(self.item[seen & self.in_head]), count(self.item[self.in_head])),
            row=self.row,
            row_share=_shares(self.best, self.total),
            rows=self.rows,
        )


def _shares(part: Integers, whole: Integers) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
