"""Log-likelihoods of continuations: the passes over a prefix tree in depth-first order, within the available memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from numpy.typing import NDArray

from mcqa_suite.backend.prefix import tree as trees
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.tree import Ints, Layout, Span

Answer = tuple[float, bool]  # a request's log-likelihood, and whether greedy decoding gives its continuation
# Tokens of a pass. Attention within a pass is dense, so on a CPU more tokens cost more than they save.
BUDGET_CPU, BUDGET_GPU = 512, 4096
SMALLEST_BUDGET = 16
# Logits normalised at a time: on a CPU as many as stay in its cache (a quarter of the time), on a GPU a bound on memory.
ELEMENTS_CPU, ELEMENTS_GPU = 1 << 20, 1 << 26


class Scorer:
    """Scores rows in passes of at most `budget` tokens; the budget is halved for good when memory runs out."""

    def __init__(self, forward: Forward, budget: int, dtype: torch.dtype = torch.float32) -> None:
        self.forward, self.budget, self.dtype = forward, budget, dtype
        self.nodes = 0

    def __call__(self, rows: Sequence[Ints], targets: Sequence[Ints]) -> Iterator[dict[int, Answer]]:
        """The answers that each pass completes, by the index of their request.

        That of request k: sum over j of log p(targets[k][j] | rows[k] up to its last len(targets[k]) - 1 - j tokens). That is the
        harness's convention: a row is context + continuation less the last token.
        """
        first = [len(row) - len(target) for row, target in zip(rows, targets, strict=True)]
        tree, where = trees.build(rows, first)
        self.nodes += tree.nodes
        totals = _Totals(targets, first, where, len(tree.rows))
        spans = [Span(0, len(tree.rows))]
        while spans:
            span = spans.pop()
            self.forward.cut(span.depth)
            if trees.size(tree, span) <= self.budget:
                layout, rest, keep = trees.span_layout(tree, span), [], False
            elif stop := trees.prefix_to_cache(tree, span, self.budget):
                layout, rest, keep = trees.path_layout(tree, span, stop), [Span(span.lo, span.hi, stop)], True
            else:
                spans += reversed(trees.split(tree, span, self.budget))
                continue
            if not len(layout.tokens):
                continue
            if (answers := self._pass(layout, totals, keep)) is None:
                spans.append(span)  # once more, in smaller pieces
                continue
            spans += rest
            yield answers
        self.forward.cut(0)

    def _pass(self, layout: Layout, totals: _Totals, keep: bool) -> dict[int, Answer] | None:
        """None where memory ran out: the budget has been halved."""
        try:
            rows, targets, owners = totals.lookups(layout)
            return totals.add(owners, *self._gather(self.forward(layout, keep=keep), rows, targets))
        except RuntimeError as error:
            half = min(self.budget, len(layout.tokens)) // 2
            if not should_reduce_batch_size(error) or half < SMALLEST_BUDGET:
                raise
            self.budget = half
        clear_device_cache(garbage_collection=True)
        return None

    def _gather(
        self, logits: torch.Tensor, scored: Ints, targets: Ints
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """log softmax(logits[scored])[targets] in float32 or wider, and whether each target is its row's argmax."""
        rows, columns = (torch.from_numpy(each).to(logits.device) for each in (scored, targets))
        elements = ELEMENTS_CPU if logits.device.type == "cpu" else ELEMENTS_GPU
        step = max(1, elements // logits.shape[-1])
        normalisers = [torch.logsumexp(part.to(self.dtype), -1) for part in torch.split(logits, step)]
        if not normalisers:
            return np.zeros(0), np.zeros(0, bool)
        chosen = logits[rows, columns].to(self.dtype) - torch.cat(normalisers)[rows]
        greedy = logits.argmax(-1)[rows] == columns
        return chosen.double().cpu().numpy(), greedy.cpu().numpy()


class _Totals:
    """Sums over the positions of each request, of which several passes may hold some."""

    def __init__(self, targets: Sequence[Ints], first: list[int], where: Ints, n_rows: int) -> None:
        self.targets, self.first = targets, first
        self.missing = np.array([len(each) for each in targets])
        self.loglikelihoods = np.zeros(len(targets))
        self.greedy = np.ones(len(targets), dtype=bool)
        self.requests: list[list[int]] = [[] for _ in range(n_rows)]  # of a row of the tree
        for request, row in enumerate(where):
            self.requests[row].append(request)

    def lookups(self, layout: Layout) -> tuple[Ints, Ints, Ints]:
        """For each logit that is read: its row among the scored nodes, the token, and the request that it belongs to."""
        nodes: list[Ints] = []
        tokens: list[Ints] = []
        owners: list[Ints] = []
        for row, start, scored in layout.scored:
            for request in self.requests[row]:
                begin = max(start, self.first[request])
                mine = scored[begin - start :]
                nodes.append(mine)
                tokens.append(self.targets[request][begin - self.first[request] :][: len(mine)])
                owners.append(np.full(len(mine), request))
        if not nodes:
            return (np.zeros(0, dtype=np.int64),) * 3
        rows = np.searchsorted(layout.scored_nodes(), np.concatenate(nodes))
        return rows, np.concatenate(tokens), np.concatenate(owners)

    def add(self, owners: Ints, loglikelihoods: NDArray[np.float64], greedy: NDArray[np.bool_]) -> dict[int, Answer]:
        """Add the values of single tokens; return the requests that are complete now."""
        np.add.at(self.loglikelihoods, owners, loglikelihoods)
        np.logical_and.at(self.greedy, owners, greedy)
        np.subtract.at(self.missing, owners, 1)
        complete = [int(request) for request in np.unique(owners) if self.missing[request] == 0]
        return {request: (float(self.loglikelihoods[request]), bool(self.greedy[request])) for request in complete}
