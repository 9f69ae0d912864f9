"""Texts as vectors of a named encoder: similarity of whole texts, and BERTScore of their tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.library_errors import explain

if TYPE_CHECKING:
    from torch import Tensor

# The hidden layer that agrees best with people (Zhang et al. 2020, and the table of bert-score); the last one for others
LAYERS = {
    "bert-base-uncased": 9,
    "bert-large-uncased": 18,
    "deberta-large-mnli": 18,
    "deberta-xlarge-mnli": 40,
    "distilbert-base-uncased": 5,
    "roberta-base": 10,
    "roberta-large": 17,
}


class Encoder:
    """An encoder model, by its folder or name: `MODEL`, or `MODEL@LAYER` for the hidden layer that BERTScore compares.

    CheckpointError where it cannot be loaded, ConfigError where it has no such layer.
    """

    def __init__(self, name: str, batch_size: int = 32) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        model, _, layer = name.partition("@")
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(model)
            self.model = AutoModel.from_pretrained(model, dtype=torch.float32, use_safetensors=True).eval()
        except (OSError, ValueError) as error:
            raise explain(error, model) or CheckpointError(f"{model}: no encoder: {error}") from error
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_size = batch_size
        layers = int(self.model.config.num_hidden_layers)
        if layer and not (layer.isdigit() and int(layer) <= layers):
            raise ConfigError(f"{name}: {model} has hidden layers 0 to {layers}; give one of them behind the @")
        self.layer = int(layer) if layer else min(layers, LAYERS.get(Path(model).name, layers))

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> list[float]:
        """Cosine of the means of all token vectors of the last layer, text by text (as sentence-transformers pools)."""
        import torch

        one, other = (
            torch.stack([vectors.mean(0) for vectors, _ in self._tokens(texts, -1)]) for texts in (first, second)
        )
        return [float(value) for value in torch.nn.functional.cosine_similarity(one, other)]

    def bertscore(self, completions: Sequence[str], references: Sequence[str]) -> list[float]:
        """F of BERTScore (arXiv 1904.09675), every token counting the same, not rescaled; 0 for an empty text.

        As in bert-score, a special token does not count, but others may be matched with it.
        """
        import torch

        sides = (self._tokens(texts, self.layer) for texts in (completions, references))
        scores = []
        for (ours, counts), (theirs, counts_too) in zip(*sides, strict=True):
            if not counts.any() or not counts_too.any():
                scores.append(0.0)
                continue
            cosines = torch.nn.functional.normalize(ours, dim=-1) @ torch.nn.functional.normalize(theirs, dim=-1).T
            precision = float(cosines.max(1).values[counts].mean())
            recall = float(cosines.max(0).values[counts_too].mean())
            scores.append(2 * precision * recall / (precision + recall))
        return scores

    def _tokens(self, texts: Sequence[str], layer: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Of each text, its tokens' vectors at a hidden layer, and which of them are no special tokens."""
        import torch

        longest = min(self.tokenizer.model_max_length, getattr(self.model.config, "max_position_embeddings", 512), 4096)
        for start in range(0, len(texts), self.batch_size):
            batch = self.tokenizer(
                list(texts[start : start + self.batch_size]),
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=longest,
                return_special_tokens_mask=True,
            )
            special = batch.pop("special_tokens_mask").bool()
            batch = batch.to(self.model.device)
            with torch.no_grad():
                hidden = self.model(**batch, output_hidden_states=True).hidden_states[layer].cpu()
            mask = batch["attention_mask"].cpu().bool()
            for vectors, kept, apart in zip(hidden, mask, special, strict=True):
                yield vectors[kept], ~apart[kept]
