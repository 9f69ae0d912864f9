"""Rows of tokens as a prefix tree, and the tree cut into passes of bounded size.

A row is what the model has to read for a request. Sorted, rows that begin alike lie side by side, and the tree is two
arrays: each row's length and what it shares with the row before. Row i adds `length - shared` nodes; their sum is the size
of the tree, the number of tokens that have to be computed at least.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
# A shared stretch shorter than this is computed again in each pass below it: a pass of its own would cost more.
SHORTEST_PREFIX = 16


@dataclass(frozen=True)
class Tree:
    """Distinct rows in lexicographic order. `first[i]`: the first position of row i whose logits are needed."""

    rows: list[Ints]
    first: Ints
    lengths: Ints
    shared: Ints  # with the row before; shared[0] == 0
    before: Ints  # before[i]: nodes of rows < i, of which the sizes of ranges are differences

    @property
    def nodes(self) -> int:
        return int(self.before[-1])


@dataclass(frozen=True)
class Span:
    """Rows [lo, hi), all alike in their first `depth` tokens, which the cache holds."""

    lo: int
    hi: int
    depth: int = 0


@dataclass(frozen=True)
class Layout:
    """The nodes of a pass in depth-first order, so that the descendants of node i are i+1 ... end[i]-1.

    `scored` lists, for a row of the tree, the position of its first node here that is scored, and the scored nodes.
    """

    tokens: Ints
    positions: Ints
    end: Ints
    scored: list[tuple[int, int, Ints]]

    def scored_nodes(self) -> Ints:
        """The nodes whose logits are needed, each once, in order."""
        return np.unique(np.concatenate([nodes for _, _, nodes in self.scored])) if self.scored else np.zeros(0, int)


def build(rows: Sequence[Ints], first: Sequence[int]) -> tuple[Tree, Ints]:
    """The tree of `rows` (none empty), and the index in it of each of them; equal rows share an index.

    `first[k]` is the first position of rows[k] that is scored; equal rows take the smallest.
    """
    keys = [row.astype(">u4").tobytes() for row in rows]  # big-endian, so that bytes sort as numbers do
    indices = {key: index for index, key in enumerate(sorted(set(keys)))}
    where = np.array([indices[key] for key in keys], dtype=np.int64)
    distinct: list[Ints] = [rows[0]] * len(indices)
    smallest = np.full(len(indices), np.iinfo(np.int64).max)
    for row, index, position in zip(rows, where, first, strict=True):
        distinct[index] = row
        smallest[index] = min(smallest[index], position)
    lengths = np.array([len(row) for row in distinct])
    shared = np.array([0, *(common(a, b) for a, b in itertools.pairwise(distinct))])
    before = np.concatenate([[0], np.cumsum(lengths - shared)])
    return Tree(distinct, smallest, lengths, shared, before), where


def common(a: Ints, b: Ints) -> int:
    """The number of tokens that two rows begin with alike."""
    n = min(len(a), len(b))
    different = np.flatnonzero(a[:n] != b[:n])
    return int(different[0]) if len(different) else n


def size(tree: Tree, span: Span) -> int:
    """Nodes below the cached path: the tokens of a pass over the whole span."""
    return int(tree.lengths[span.lo] - span.depth + tree.before[span.hi] - tree.before[span.lo + 1])


def shared_depth(tree: Tree, span: Span) -> int:
    """The number of tokens that all rows of the span begin with alike."""
    return int(tree.shared[span.lo + 1 : span.hi].min(initial=tree.lengths[span.lo]))


def prefix_to_cache(tree: Tree, span: Span, budget: int) -> int | None:
    """How deep to extend the cached path before a span that is too large for one pass; None where it has to be split."""
    depth = shared_depth(tree, span)
    if depth - span.depth < SHORTEST_PREFIX and (span.hi - span.lo > 1 or depth == span.depth):
        return None
    return min(depth, span.depth + budget)


def split(tree: Tree, span: Span, budget: int) -> list[Span]:
    """The branches of a span, in order, neighbours together as long as they fit in one pass."""
    depth = shared_depth(tree, span)
    inner = np.arange(span.lo + 1, span.hi)
    cuts = [span.lo, *inner[tree.shared[inner] == depth].tolist(), span.hi]
    parts = [Span(cuts[0], cuts[1], span.depth)]
    for lo, hi in itertools.pairwise(cuts[1:]):
        joined = Span(parts[-1].lo, hi, span.depth)
        if size(tree, joined) <= budget:
            parts[-1] = joined
        else:
            parts.append(Span(lo, hi, span.depth))
    return parts


def path_layout(tree: Tree, span: Span, stop: int) -> Layout:
    """The path from the span's depth to `stop`, which all its rows share."""
    n = stop - span.depth
    rows = np.flatnonzero(tree.first[span.lo : span.hi] < stop) + span.lo
    scored = [(int(row), max(int(tree.first[row]), span.depth)) for row in rows]
    return Layout(
        tree.rows[span.lo][span.depth : stop],
        np.arange(span.depth, stop),
        np.full(n, n),
        [(row, start, np.arange(start - span.depth, n)) for row, start in scored],
    )


def span_layout(tree: Tree, span: Span) -> Layout:
    """All nodes of the span below its depth."""
    depth, n = span.depth, size(tree, span)
    tokens, positions, end = (np.full(n, n) for _ in range(3))
    path = np.zeros(int(tree.lengths[span.lo : span.hi].max()) - depth, dtype=np.int64)
    scored, used, length = [], 0, depth
    for row in range(span.lo, span.hi):
        branch = depth if row == span.lo else max(int(tree.shared[row]), depth)
        end[path[branch - depth : length - depth]] = used  # what this row has not in common with the last is complete
        length = int(tree.lengths[row])
        new = slice(used, used + length - branch)
        tokens[new] = tree.rows[row][branch:]
        positions[new] = np.arange(branch, length)
        path[branch - depth : length - depth] = np.arange(new.start, new.stop)
        used = new.stop
        start = max(int(tree.first[row]), depth)
        if start < length:
            scored.append((row, start, path[start - depth : length - depth].copy()))
    return Layout(tokens, positions, end, scored)
