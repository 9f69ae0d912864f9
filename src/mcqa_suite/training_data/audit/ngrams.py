"""Find the n-grams of many short texts in a large corpus, as 64-bit hashes in a sorted array.

A false match is rare: 10 million words and one million n-grams are 10^13 comparisons, each wrong with probability 2^-64, so
about one audit in two million has a false match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Hashes = NDArray[np.uint64]
Integers = NDArray[np.int64]
# GPT-3 (arXiv 2005.14165, appendix C) ignores n-grams that occur more than ten times; here: in more than ten questions
BOILERPLATE = 10
FILTER = 24  # bits of a hash that are looked up first, in a table of 16 MB: ten times as fast as the search
_SHIFT = np.uint64(64 - FILTER)
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Vocabulary:
    """Numbers for the words of the evaluation items, from 1; every other word is 0, and n-grams with a 0 are ignored."""

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
    """One value per item.

    `total` is the number of n-grams that are specific to the item, `share` the share of them that is in any row, and `head` the
    same share for the n-grams of its question. `row` is the row with most of them (-1: none) and `row_share` its share. `rows`
    counts the rows with at least the share of the index.
    """

    total: Integers
    share: NDArray[np.float64]
    head: NDArray[np.float64]
    row: Integers
    row_share: NDArray[np.float64]
    rows: Integers


class NgramIndex:
    """The n-grams of evaluation items, and which of them the added rows contain.

    `heads` is the number of words in each item's question; its options follow, and training data may shuffle them. Items with the
    same number in `kinds` are instances of one question. An n-gram in more than BOILERPLATE questions is ignored.
    """

    def __init__(
        self, n: int, texts: Sequence[list[str]], heads: Integers, kinds: Integers, vocabulary: Vocabulary, share: float
    ) -> None:
        self.n, self.share = n, share
        codes, owner = vocabulary.encode(texts)
        grams, at = hashes(codes, owner, n)
        item = owner[at]
        self.grams, index = np.unique(grams, return_inverse=True)
        gram_of_kind = np.unique(np.stack([index, kinds[item]]), axis=1)[0]
        rare = (np.bincount(gram_of_kind, minlength=len(self.grams)) <= BOILERPLATE)[index]
        starts = np.searchsorted(owner, np.arange(len(texts)))
        in_head = rare & (at - starts[item] + n <= heads[item])
        shape = (len(texts), len(self.grams))
        self.items, self.heads = (_matrix(item[chosen], index[chosen], shape) for chosen in (rare, in_head))
        self.total = self.items.sum(axis=1)
        self.maybe = np.zeros(1 << FILTER, bool)
        self.maybe[self.grams >> _SHIFT] = True
        self.seen = np.zeros(len(self.grams), np.int64)
        self.best, self.row, self.rows = (np.full(len(texts), start) for start in (0, -1, 0))

    def add(self, codes: Integers, owner: Integers, first_row: int) -> None:
        """Count the n-grams of some rows; `owner` numbers them from 0, `first_row` is the number of the first."""
        grams, at = hashes(codes, owner, self.n)
        likely = self.maybe[grams >> _SHIFT]
        grams, at = grams[likely], at[likely]
        position = np.searchsorted(self.grams, grams)
        hit = np.append(self.grams, np.uint64(0))[position] == grams
        if not hit.any():
            return
        rows = _matrix(owner[at[hit]], position[hit], (int(owner[-1]) + 1, len(self.grams)))
        self.seen[position[hit]] = 1
        shared = sparse.csr_array(self.items @ rows.T)  # of each item and row, the number of n-grams in both
        best = shared.max(axis=1).toarray().ravel()
        better = np.flatnonzero(best > self.best)
        self.best[better] = best[better]
        self.row[better] = first_row + np.ravel(shared[better].argmax(axis=1))
        item = np.repeat(np.arange(len(self.total)), np.diff(shared.indptr))
        enough = shared.data >= self.share * self.total[item]
        self.rows += np.bincount(item[enough], minlength=len(self.total))

    def coverage(self) -> Coverage:
        return Coverage(
            total=self.total,
            share=_shares(self.items @ self.seen, self.total),
            head=_shares(self.heads @ self.seen, self.heads.sum(axis=1)),
            row=self.row,
            row_share=_shares(self.best, self.total),
            rows=self.rows,
        )


def _matrix(rows: Integers, columns: Integers, shape: tuple[int, int]) -> sparse.csr_array:
    """A sparse matrix with 1 at the given positions."""
    matrix = sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=shape)
    matrix.data[:] = 1  # a position that comes twice was summed
    return matrix


def _shares(part: Integers, whole: Integers) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
