"""Similarity of texts by a named encoder."""

from __future__ import annotations

import pytest
import torch

from mcqa_suite.backend.embedding import Encoder
from mcqa_suite.common.errors import CheckpointError


def test_similarity_is_one_for_equal_texts_and_that_of_the_mean_vectors_for_others(tiny_encoder):
    ours, theirs = ["the cat sat on the mat", "the", "dog ."], ["the mat", "the dog sat", "cat"]
    encoder = Encoder(tiny_encoder)
    assert encoder.similarity(ours, ours) == pytest.approx([1, 1, 1])
    batch = encoder.tokenizer(ours + theirs, return_tensors="pt", padding=True)
    with torch.no_grad():
        vectors, mask = encoder.model(**batch).last_hidden_state, batch["attention_mask"][..., None]
    means = (vectors * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.cosine_similarity(means[:3], means[3:])
    assert encoder.similarity(ours, theirs) == pytest.approx(expected.tolist(), abs=1e-5)


def test_an_empty_text_is_like_no_other_where_the_tokenizer_adds_no_tokens(tiny_checkpoint):
    assert Encoder(str(tiny_checkpoint)).similarity(["", "the dog"], ["the dog", "the dog"]) == pytest.approx([0, 1])


def test_an_encoder_that_cannot_be_loaded_is_named():
    with pytest.raises(CheckpointError, match="nowhere"):
        Encoder("./nowhere")
