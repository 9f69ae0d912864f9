"""One pass through the model: nodes of a prefix tree below a cached path -> logits of the scored nodes."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, GenerationMixin

from mcqa_suite.backend.prefix.tree import Layout

# The argument of models for keys and values of earlier tokens: `past_key_values` up to transformers 5.23.
CACHE = "cache" if "cache" in signature(GenerationMixin.prepare_inputs_for_generation).parameters else "past_key_values"


class Forward:
    """The model with the keys and values of one path, the tokens that all rows of the present branch begin with."""

    def __init__(self, model: Any, *, device: torch.device, autocast: torch.dtype | None = None) -> None:
        self.model, self.device, self.autocast = model, device, autocast
        self.dtype = autocast or model.dtype
        self.cache: Any = DynamicCache()
        self.computed = 0  # tokens that went through the model

    def cut(self, depth: int) -> None:
        """Shortens the cached path to its first `depth` tokens."""
        if depth == 0:
            self.cache = DynamicCache()
        elif (surplus := self.cache.get_seq_length() - depth) > 0:
            self.cache.crop(-surplus)

    def autocasting(self) -> torch.autocast:
        """The context in which the model computes."""
        return torch.autocast(self.device.type, dtype=self.autocast, enabled=self.autocast is not None)

    @torch.inference_mode()
    def __call__(self, layout: Layout, *, keep: bool = False) -> torch.Tensor:
        """Logits [scored nodes, vocabulary] of the layout; `keep` adds its nodes, a path, to the cached path.

        The cache is as it was before if the model raises.
        """
        past, n = self.cache.get_seq_length(), len(layout.tokens)
        before = [(layer.keys, layer.values) for layer in self.cache.layers]
        nodes = layout.scored_nodes()
        rows = torch.from_numpy(nodes if len(nodes) else np.zeros(1, dtype=np.int64))
        done = False
        try:
            with self.autocasting():
                logits: torch.Tensor = self.model(
                    input_ids=torch.from_numpy(layout.tokens)[None].to(self.device),
                    position_ids=torch.from_numpy(layout.positions)[None].to(self.device),
                    attention_mask=self._mask(layout, past),
                    use_cache=bool(past or keep),
                    logits_to_keep=rows.to(self.device),
                    **{CACHE: self.cache if past or keep else None},
                ).logits[0]
            self.computed += n
            done = True
        finally:
            if not (keep and done):
                self._restore(before)
        if len(logits) != len(rows):
            raise RuntimeError("the model ignores logits_to_keep")
        return logits[: len(nodes)]

    def _restore(self, before: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        if not before:
            self.cache = DynamicCache()
        for layer, (keys, values) in zip(self.cache.layers, before, strict=False):
            layer.keys, layer.values = keys, values

    def _mask(self, layout: Layout, past: int) -> torch.Tensor | None:
        """Additive mask [1, 1, n, past + n]: a node sees the cached path, its ancestors and itself."""
        n = len(layout.tokens)
        if not past and (layout.end == n).all():
            return None  # a plain sequence
        end = torch.from_numpy(layout.end).to(self.device)
        node = torch.arange(n, device=self.device)
        hidden = (node[None, :] > node[:, None]) | (node[:, None] >= end[None, :])
        mask = torch.zeros(n, past + n, dtype=self.dtype, device=self.device)
        mask[:, past:].masked_fill_(hidden, torch.finfo(self.dtype).min)
        return mask[None, None]
