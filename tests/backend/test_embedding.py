"""Similarity of texts by a named encoder."""

from __future__ import annotations

import pytest

from mcqa_suite.backend.embedding import Encoder
from mcqa_suite.common.errors import CheckpointError


def test_similarity_is_one_for_equal_texts_and_does_not_depend_on_the_batch(tiny_encoder):
    ours, theirs = ["the cat sat on the mat", "the", "dog ."], ["the mat", "the dog sat", "cat"]
    whole, single = Encoder(tiny_encoder), Encoder(tiny_encoder, batch_size=1)
    assert whole.similarity(ours, ours) == pytest.approx([1, 1, 1])
    assert whole.similarity(ours, theirs) == pytest.approx(single.similarity(ours, theirs), abs=1e-5)


def test_an_encoder_that_cannot_be_loaded_is_named():
    with pytest.raises(CheckpointError, match="nowhere"):
        Encoder("./nowhere")
