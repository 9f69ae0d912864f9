"""Generation whose few-shot prefix goes through the model once, not once a prompt, and that is kept batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lm_eval.models.huggingface import HFLM

from mcqa_suite.backend.prefix import generation_batch as kept
from mcqa_suite.backend.prefix import tree as trees
from mcqa_suite.backend.prefix.cache_identity import generation_identity
from mcqa_suite.backend.prefix.compatibility import padded
from mcqa_suite.backend.prefix.encode import tokens_of
from mcqa_suite.backend.prefix.forward import CACHE, Forward
from mcqa_suite.backend.prefix.tree import Ints

SHORTEST = 32  # shared tokens that are worth a cache


class PrefixGeneration(HFLM):  # type: ignore[misc]
    """HFLM's `generate_until`, prompts of one prefix together, and a `_model_generate` that keeps their prefix.

    Batches, sorting, truncation, stop sequences and post-processing are HFLM's own. The new tokens of every document are in
    the cache as soon as its batch is done, so a run after a crash goes on at the next batch (at `batch_size=1`, the next
    document) and ends with the text of an unbroken one; kept.py says what is promised.
    """

    forward: Forward
    shares: Any
    cache: Any
    _path: Ints | None = None  # what all prompts of the present group begin with
    _draws: kept.Draws

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        self._draws = kept.Draws(self.rank)
        if not self.shares or len(requests) < 2:
            return list(super().generate_until(requests, disable_tqdm=disable_tqdm))
        texts = [request.args[0] for request in requests]
        tokens = tokens_of(self, texts)
        answers: dict[int, str] = {}
        try:
            for group in by_prefix([tokens[text] for text in texts], self._least()):
                rows = [tokens[texts[place]] for place in group]
                self._path = rows[0][: min(trees.common(rows[0], row) for row in rows)]
                some = super().generate_until([requests[place] for place in group], disable_tqdm=disable_tqdm)
                answers.update(zip(group, some, strict=True))
                self.forward.cut(0)
        finally:
            self.forward.cut(0)
            self._path = None
        return [answers[place] for place in range(len(requests))]

    def _least(self) -> int:
        """Rows of a group: fewer would leave batches half empty, which costs more than a prefix."""
        return max(2, int(self.batch_size)) if str(self.batch_size).isdigit() else int(self.max_batch_size)

    def _model_generate(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        asked = kept.asked(context, self._path, max_length, stop, generation_kwargs)
        drawn = generation_kwargs.get("do_sample") is not False
        seed = self._draws.seed(asked) if drawn else None
        cache = self.cache if self.backend == "causal" else None
        keys = (
            [cache.batch_key(generation_identity(self), asked, seed, row) for row in range(len(context))]
            if cache
            else []
        )
        known = cache.find_tokens(keys) if cache else {}
        if keys and len(known) == len(keys):
            return kept.joined(context, [known[key] for key in keys])
        with kept.drawn_with(seed, self.device):
            made = self._generate(context, max_length, stop, **generation_kwargs)
        if cache:
            cache.add_tokens(zip(keys, kept.rows_of(made, context), strict=True))
        return made

    def passed_over(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> None:
        """Counts a batch that another process generates, so that the same one asked again draws other samples."""
        self._draws.seed(kept.asked(context, self._path, max_length, stop, generation_kwargs))

    def _generate(self, context: torch.Tensor, max_length: int, stop: list[str], **generation_kwargs: Any) -> Any:
        mask = generation_kwargs.get("attention_mask")
        if self._path is None or mask is None or not _plain(generation_kwargs):
            return super()._model_generate(context, max_length, stop, **generation_kwargs)
        rows = [ids[real.bool()].cpu().numpy() for ids, real in zip(context, mask, strict=True)]
        depth = min(min(trees.common(self._path, row), len(row) - 1) for row in rows)
        if depth < SHORTEST:  # or the prefix was cut off to make room
            return super()._model_generate(context, max_length, stop, **generation_kwargs)
        if not self.forward.cache.get_seq_length():
            tree, _ = trees.build([self._path], [len(self._path)])
            self.forward(trees.path_layout(tree, trees.Span(0, 1), len(self._path)), keep=True)
        ids, filled = padded(rows, depth, self.device, self.tokenizer.pad_token_id)
        cache = self.forward.expanded(len(rows), depth, room=max_length - depth)
        settings = generation_kwargs | {"attention_mask": filled, CACHE: cache}
        return super()._model_generate(ids, max_length, stop, **settings)


def _plain(generation_kwargs: dict[str, Any]) -> bool:
    """Whether sequences only ever grow, one token at a time: no beams, and no candidates that are taken back."""
    others = ("num_beams", "num_return_sequences", "prompt_lookup_num_tokens", "assistant_model", "penalty_alpha")
    return all(generation_kwargs.get(name) in (None, 1) for name in others)


def by_prefix(rows: Sequence[Ints], least: int) -> list[list[int]]:
    """Places of rows that begin alike for half of their length, `least` or more a group; what is left is the last group."""
    tree, where = trees.build(rows, [len(row) for row in rows])
    together = 2 * tree.shared[1:] >= np.minimum(tree.lengths[1:], tree.lengths[:-1])
    label = np.concatenate([[0], np.cumsum(~together)])[where]
    groups = [np.flatnonzero(label == each).tolist() for each in np.unique(label)]
    rest = sorted(place for group in groups if len(group) < least for place in group)
    return [group for group in groups if len(group) >= least] + ([rest] if rest else [])
