"""Many prompts answered together: a finished row leaves the pass at once, and the next prompt takes its place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mcqa_suite.backend.prefix import tree as trees
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.rows import Rows
from mcqa_suite.backend.prefix.tree import Ints

SHORTEST = 32  # shared tokens that are worth a pass of their own
Ends = Callable[[list[int]], bool]


@dataclass(frozen=True)
class Start:
    """A prompt, its group, and how many tokens all prompts of the group begin with, which are read in a pass of their own."""

    index: int
    group: int
    depth: int


@dataclass
class Row:
    """A prompt under way: its new tokens, and how many of them there will be where an earlier run stored them."""

    index: int
    tokens: list[int] = field(default_factory=list)
    stored: int = 0


class Decoder:
    """Prompts in groups that begin alike -> new tokens, one for each row and pass, of at most `seats` rows at a time.

    Rounding depends on how many rows share a pass. So a row whose tokens are stored from a broken run still takes its place
    in every pass that another row needs: the other rows then get the very tokens of an unbroken run.
    """

    def __init__(self, forward: Forward, prompts: Sequence[Ints], *, seats: int, room: int) -> None:
        """`room`: tokens of the longest prompt and of what is added to it."""
        self.forward, self.prompts, self.seats, self.room = forward, prompts, seats, room
        self._rows: Rows | None = None
        self._last: tuple[Start, torch.Tensor] | None = None  # the prompt that the cached path holds, and its logits

    def __call__(
        self, choose: Chooser, ends: Ends, stored: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[int, list[int]]]:
        """The index and the new tokens of each prompt that is not `stored`, as soon as they are complete."""
        waiting = deque(self._in_order() if len(stored) < len(self.prompts) else ())
        running: list[Row] = []
        while waiting or running:
            while waiting and len(running) < self.seats:
                start = waiting.popleft()
                row = Row(start.index, stored=len(stored.get(start.index, ())))
                if row.stored == 1:  # it ended with its first token
                    continue
                if not row.stored:
                    row.tokens += choose(self._read(start), [row.index])
                    if ends(row.tokens):
                        yield row.index, row.tokens
                        continue
                self._seat(row, start)
                running.append(row)
            if running:
                yield from self._pass(running, choose, ends)

    def _in_order(self) -> Iterator[Start]:
        """The prompts, group by group, equal ones together."""
        for number, group in enumerate(by_prefix(self.prompts)):
            first = self.prompts[group[0]]
            depth = min(min(trees.common(first, self.prompts[index]), len(self.prompts[index]) - 1) for index in group)
            for index in group:
                yield Start(index, number, depth if depth >= SHORTEST and len(group) > 1 else 0)

    def _read(self, start: Start) -> torch.Tensor:
        """Logits [1, vocabulary] after a prompt, which becomes the cached path of `forward`."""
        prompt = self.prompts[start.index]
        if self._last is not None and np.array_equal(self.prompts[self._last[0].index], prompt):
            return self._last[1]
        same_group = self._last is not None and self._last[0].group == start.group
        self.forward.cut(start.depth if same_group else 0)
        tree, _ = trees.build([prompt], [len(prompt) - 1])
        for stop in (start.depth, len(prompt)):
            if (depth := self.forward.cache.get_seq_length()) < stop:
                logits = self.forward(trees.path_layout(tree, trees.Span(0, 1, depth), stop), keep=True)
        self._last = start, logits
        return logits

    def _seat(self, row: Row, start: Start) -> None:
        if self._rows is None:
            if row.stored:
                self._read(start)  # for the shape of keys and values
            self._rows = Rows(self.forward, self.seats, self.room)
        if row.stored:
            self._rows.add_empty(len(self.prompts[row.index]))
        else:
            self._rows.add()

    def _pass(self, running: list[Row], choose: Chooser, ends: Ends) -> Iterator[tuple[int, list[int]]]:
        """One more token for all rows, or where all are stored, as many as the first needs to leave; those that end leave."""
        rows, steps = self._rows, 1
        assert rows is not None  # some row has a seat in it
        if new := [seat for seat, row in enumerate(running) if not row.stored]:
            logits = rows.step([row.tokens[-1] if row.tokens else 0 for row in running])
            for seat, token in zip(new, choose(logits[new], [running[p].index for p in new]), strict=True):
                running[seat].tokens.append(token)
        else:
            steps = min(row.stored for row in running) - 1
            rows.pass_over(steps)
        for seat in reversed(range(len(running))):
            row = running[seat]
            row.stored -= steps if row.stored else 0
            if row.stored == 1 or (not row.stored and ends(row.tokens)):
                rows.remove(seat)
                running[seat] = running[-1]
                running.pop()
                if not row.stored:
                    yield row.index, row.tokens


class Chooser:
    """The next token of each row: the most probable, or drawn with the settings of a task and a seed of the row's own."""

    def __init__(self, settings: Mapping[str, Any], seeds: Sequence[int]) -> None:
        self._draws = [np.random.default_rng(seed) for seed in seeds]
        self._warpers = warpers(settings) if settings.get("do_sample") else None

    def __call__(self, logits: torch.Tensor, rows: Sequence[int]) -> list[int]:
        scores = logits.float()
        if self._warpers is None:
            return list(map(int, scores.argmax(-1).tolist()))
        for warp in self._warpers:
            scores = warp(None, scores)
        summed = torch.softmax(scores, -1).double().cumsum(-1)
        draws = torch.tensor([[self._draws[row].random()] for row in rows], dtype=torch.float64, device=summed.device)
        # A draw above the last step of the sum, which rounding can leave below 1, is one of the last token above it.
        return list(map(int, torch.searchsorted(summed, draws * summed[:, -1:], right=True)[:, 0].tolist()))


SAMPLING = {"temperature", "top_k", "top_p", "min_p"}
NEUTRAL = (None, False, 1)  # values of other settings with which they change nothing


def can_decode(settings: Mapping[str, Any]) -> bool:
    """Whether `Chooser` does all that these settings of `generate` ask for: no beams, penalties or forced tokens."""
    others = settings.keys() - SAMPLING - {"do_sample", "attention_mask"}
    return all(settings[name] in NEUTRAL for name in others) and not (
        settings.get("do_sample") and not settings.get("temperature", 1.0)
    )


def warpers(settings: Mapping[str, Any]) -> list[Any]:
    """transformers' own changes of the scores, in its order."""
    from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    chosen: list[Any] = []
    if (temperature := settings.get("temperature")) not in (None, 1):
        chosen.append(TemperatureLogitsWarper(float(temperature)))
    if top_k := settings.get("top_k"):
        chosen.append(TopKLogitsWarper(int(top_k)))
    if (top_p := settings.get("top_p")) not in (None, 1):
        chosen.append(TopPLogitsWarper(float(top_p)))
    if (min_p := settings.get("min_p")) is not None:
        chosen.append(MinPLogitsWarper(float(min_p)))
    return chosen


def by_prefix(rows: Sequence[Ints]) -> list[list[int]]:
    """Indices of rows that begin alike for half of their length, equal ones together."""
    tree, where = trees.build(rows, [len(row) for row in rows])
    together = 2 * tree.shared[1:] >= np.minimum(tree.lengths[1:], tree.lengths[:-1])
    label = np.concatenate([[0], np.cumsum(~together)])[where]
    order = np.lexsort((np.arange(len(rows)), where))
    return [order[label[order] == each].tolist() for each in np.unique(label)]
