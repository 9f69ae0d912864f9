"""Which n-grams of many short texts occur in a large corpus: words as numbers, n-grams as 64-bit hashes in a sorted array.

A corpus of 10 million words against one million n-grams is 10^13 chances of a false match at 2^-64 each: one in two million.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Integers = NDArray[np.int64]
BOILERPLATE = 10  # GPT-3 (arXiv 2005.14165, appendix C) ignores n-grams met more than ten times; here: in ten questions
FILTER = 24  # bits of a hash that are looked up first: a table of 16 MB is ten times as fast as the search
_SHIFT = np.uint64(64 - FILTER)
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Vocabulary:
    """Words of the evaluation items as numbers from 1; 0 is any other word, and no n-gram with it can be theirs."""

    def __init__(self, texts: Sequence[list[str]]) -> None:
        self._number = {word: index for index, word in enumerate(dict.fromkeys(w for text in texts for w in text), 1)}

    def encode(self, texts: Sequence[list[str]]) -> tuple[Integers, Integers]:
        """All words one after the other as numbers, and of each the index of its text."""
        get = self._number.get
        codes = np.array([get(word, 0) for text in texts for word in text], np.int64)
        return codes, np.repeat(np.arange(len(texts)), [len(text) for text in texts])


def _mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele et al. 2014): a bijection that spreads neighbours over all 64 bits."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def hashes(codes: Integers, owner: Integers, n: int) -> tuple[Hashes, Integers]:
    """The hash of every n-gram of known words that lies inside one text, and where it begins."""
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
    """Of each item: `total` n-grams that can tell it from others, the share of them `found` in any row, the row that holds
    most (-1 for none), the share that `best` holds, and how many `rows` hold at least the share asked for."""

    total: Integers
    found: NDArray[np.float64]
    head: NDArray[np.float64]
    row: Integers
    best: NDArray[np.float64]
    rows: Integers


class Grams:
    """The n-grams of evaluation items, waiting for rows to be fed.

    `heads`: how many words of an item are its question; what follows are options, which training data may shuffle. `kinds`:
    items with one number are instances of one question; an n-gram in more than BOILERPLATE of those is of no question.
    """

    def __init__(
        self, n: int, texts: Sequence[list[str]], heads: Integers, kinds: Integers, vocabulary: Vocabulary, share: float
    ) -> None:
        self.n, self.items, self.vocabulary, self.share = n, len(texts), vocabulary, share
        codes, owner = vocabulary.encode(texts)
        grams, at = hashes(codes, owner, n)
        item = owner[at]
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(texts)))])[:-1]
        in_head = at - starts[item] + n <= heads[item]
        self.known, index = np.unique(grams, return_inverse=True)
        common = np.unique(np.stack([index, kinds[item]]), axis=1)[0]
        rare = (np.bincount(common, minlength=len(self.known)) <= BOILERPLATE)[index]
        # heads come first, so that of an n-gram which stands in an item twice the one in the question is kept
        order = np.lexsort((~in_head, item, index))
        order = order[rare[order]]
        index, item, in_head = index[order], item[order], in_head[order]
        first = np.ones(len(order), bool)
        first[1:] = (index[1:] != index[:-1]) | (item[1:] != item[:-1])
        self.index, self.item, self.in_head = index[first], item[first], in_head[first]
        self.maybe = np.zeros(1 << FILTER, bool)
        self.maybe[self.known >> _SHIFT] = True
        self.begin = np.searchsorted(self.index, np.arange(len(self.known) + 1))
        self.total = np.bincount(self.item, minlength=self.items)
        self.seen = np.zeros(len(self.known), bool)
        self.best, self.row, self.rows = (np.full(self.items, start) for start in (0, -1, 0))

    def feed(self, codes: Integers, owner: Integers, first_row: int) -> None:
        """Some rows of the corpus; `owner` counts them from 0, `first_row` is the number of the first."""
        grams, at = hashes(codes, owner, self.n)
        likely = self.maybe[grams >> _SHIFT]
        grams, at = grams[likely], at[likely]
        place = np.searchsorted(self.known, grams)
        hit = np.append(self.known, np.uint64(0))[place] == grams
        found, rows = place[hit], owner[at[hit]]
        if not len(found):
            return
        self.seen[found] = True
        pairs = np.unique(rows * len(self.known) + found)
        rows, found = np.divmod(pairs, len(self.known))
        counts = self.begin[found + 1] - self.begin[found]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        items = self.item[np.repeat(self.begin[found], counts) + offsets]
        width = int(owner[-1]) + 1
        keys, shared = np.unique(items * width + np.repeat(rows, counts), return_counts=True)
        self._keep_best(*np.divmod(keys, width), shared, first_row)

    def _keep_best(self, items: Integers, rows: Integers, shared: Integers, first_row: int) -> None:
        enough = shared >= self.share * self.total[items]
        self.rows += np.bincount(items[enough], minlength=self.items)
        order = np.lexsort((-rows, shared, items))  # the last of each item holds most; of equals, the first row
        last = order[np.append(items[order][1:] != items[order][:-1], True)] if len(order) else order
        better = last[shared[last] > self.best[items[last]]]
        self.best[items[better]] = shared[better]
        self.row[items[better]] = first_row + rows[better]

    def coverage(self) -> Coverage:
        seen = self.seen[self.index]
        return Coverage(
            total=self.total,
            found=_shares(np.bincount(self.item[seen], minlength=self.items), self.total),
            head=_shares(
                np.bincount(self.item[seen & self.in_head], minlength=self.items),
                np.bincount(self.item[self.in_head], minlength=self.items),
            ),
            row=self.row,
            best=_shares(self.best, self.total),
            rows=self.rows,
        )


def _shares(part: Integers, whole: Integers) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
