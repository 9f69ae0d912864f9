"""Similarity of texts by an encoder model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mcqa_suite.backend.loading import load

if TYPE_CHECKING:
    from torch import Tensor


class Encoder:
    """An encoder model, by its folder or its name on the hub; CheckpointError where it cannot be loaded."""

    def __init__(self, checkpoint: str, batch_size: int = 32) -> None:
        self.model, self.tokenizer = load(checkpoint, "AutoModel")
        self.batch_size = batch_size

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> list[float]:
        """Cosine of the mean vectors of the last layer, text by text (the pooling of sentence-transformers)."""
        import torch

        left, right = (torch.stack(list(self._means(texts))) for texts in (first, second))
        return torch.nn.functional.cosine_similarity(left, right).tolist()

    def _means(self, texts: Sequence[str]) -> Iterator[Tensor]:
        """The mean vector over the tokens of each text."""
        import torch

        longest = min(self.tokenizer.model_max_length, getattr(self.model.config, "max_position_embeddings", 512), 4096)
        for start in range(0, len(texts), self.batch_size):
            batch = self.tokenizer(
                list(texts[start : start + self.batch_size]),
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=longest,
            ).to(self.model.device)
            with torch.no_grad():
                hidden = self.model(**batch).last_hidden_state.cpu()
            for vectors, mask in zip(hidden, batch["attention_mask"].cpu().bool(), strict=True):
                yield vectors[mask].mean(0)
