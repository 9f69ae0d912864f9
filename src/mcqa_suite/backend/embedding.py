"""Similarity of texts by an encoder model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mcqa_suite.backend.loading import load


class Encoder:
    """An encoder model, by its folder or its name on the hub; CheckpointError where it cannot be loaded."""

    def __init__(self, checkpoint: str) -> None:
        self.model, self.tokenizer = load(checkpoint, "AutoModel")

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> list[float]:
        """Cosine of the mean vectors of the last layer, as sentence-transformers pools; text by text, 0 for an empty one."""
        left, right = (torch.stack([self._mean(text) for text in texts]) for texts in (first, second))
        return torch.nn.functional.cosine_similarity(left, right).tolist()

    @torch.no_grad()
    def _mean(self, text: str) -> torch.Tensor:
        longest = min(self.tokenizer.model_max_length, getattr(self.model.config, "max_position_embeddings", 512), 4096)
        tokens = self.tokenizer(text, return_tensors="pt", truncation=True, max_length=longest)
        if not tokens["input_ids"].numel():  # a tokenizer without special tokens, an empty text
            return torch.zeros(self.model.config.hidden_size)
        vectors: torch.Tensor = self.model(**tokens.to(self.model.device)).last_hidden_state[0]
        return vectors.mean(0)
