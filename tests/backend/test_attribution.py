"""Attributions of words: which tokens a word has, and values that are those of the model's own scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

pytest.importorskip("captum", reason="captum is not installed: pip install '.[explain]'", exc_type=ImportError)

from mcqa_suite.backend.attribution.methods import METHODS, attribute
from mcqa_suite.backend.attribution.score import OptionScores
from mcqa_suite.backend.attribution.words import words_of
from mcqa_suite.common.errors import CheckpointError, DatasetError
from mcqa_suite.evaluation.ask.model import load

PROMPT = "Question: Is the sky blue?\n\nOptions:\nA. yes\nB. no, it is grün\n\nAnswer:"
OPTIONS = (" A", " B", " something longer")
pytestmark = pytest.mark.slow  # each imports captum, and most run a model


@pytest.fixture(scope="module")
def lm(tiny_checkpoint):
    return load(str(tiny_checkpoint), "float32").lm


def plain_log_odds(model, before, afters, option):
    """The same by plain forward passes, one an option."""
    totals = []
    for after in afters:
        ids = torch.tensor([[*before, *after]])
        with torch.no_grad():
            logits = model(ids).logits[0, len(before) - 1 : -1].log_softmax(-1)
        totals.append(float(logits.gather(1, torch.tensor(after)[:, None]).sum()))
    others = [math.exp(total) for index, total in enumerate(totals) if index != option]
    return totals[option] - math.log(sum(others))


def test_words_are_what_stands_between_white_space_and_share_out_all_tokens(lm):
    scores = OptionScores.of(lm, PROMPT, OPTIONS, 0)
    words = words_of(lm, PROMPT, scores.before)
    assert [PROMPT[word.start : word.end] for word in words] == PROMPT.split()
    assert [index for word in words for index in word.tokens] == list(range(len(scores.before)))
    assert lm.tokenizer.decode(scores.before[list(words[4].tokens)]).strip() == "blue?"


def test_of_a_long_prompt_the_early_words_are_one(lm):
    text = " ".join(f"w{number}" for number in range(30))
    tokens = OptionScores.of(lm, text, OPTIONS, 0).before
    words = words_of(lm, text, tokens, most=10)
    assert len(words) == 10
    assert text[words[0].start : words[0].end].split() == [f"w{number}" for number in range(21)]
    assert text[words[-1].start : words[-1].end] == "w29"
    assert sum(len(word.tokens) for word in words) == len(tokens)


@pytest.mark.parametrize("option", [0, 2])
def test_leaving_a_word_out_changes_the_score_as_a_plain_forward_pass_says(lm, option):
    result = attribute(lm, PROMPT, OPTIONS, option, "leave-one-out")
    scores = OptionScores.of(lm, PROMPT, OPTIONS, option)
    afters = [after.tolist() for after in scores.afters]
    whole = plain_log_odds(lm.model, scores.before.tolist(), afters, option)
    assert result.score == pytest.approx(whole, abs=1e-4)
    for word, value in zip(result.words, result.values, strict=True):
        rest = [token for index, token in enumerate(scores.before.tolist()) if index not in word.tokens]
        assert value == pytest.approx(whole - plain_log_odds(lm.model, rest, afters, option), abs=1e-4)
    assert np.ptp(result.values) > 1e-3


def test_the_gradient_is_the_slope_of_the_score(lm):
    result = attribute(lm, PROMPT, OPTIONS, 0, "gradient")
    scores, step = OptionScores.of(lm, PROMPT, OPTIONS, 0), 1e-2
    for word, value in zip(result.words[:4], result.values[:4], strict=True):
        ends = []
        for sign in (1, -1):
            vectors = scores.embeddings()
            vectors[:, list(word.tokens)] *= 1 + sign * step
            with torch.no_grad():
                ends.append(float(scores.of_embeddings(vectors)[0]))
        assert value == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=2e-3)


def test_one_word_alone_can_be_left_out(lm):
    [value] = attribute(lm, "Answer:", OPTIONS, 0, "leave-one-out").values
    assert math.isfinite(value)


def test_a_prompt_that_the_evaluation_cut_is_refused(lm):
    with pytest.raises(DatasetError, match="the evaluation cut the prompt"):
        attribute(lm, "word " * 500, OPTIONS, 0, "leave-one-out")


def test_layers_without_a_gradient_name_the_method_that_needs_none(lm, monkeypatch):
    forward = lm.model.forward
    monkeypatch.setattr(lm.model, "forward", torch.no_grad()(forward))  # as kernels of quantised layers do
    with pytest.raises(CheckpointError, match="give no gradient; use --method leave-one-out"):
        attribute(lm, PROMPT, OPTIONS, 0, "gradient")
    assert len(attribute(lm, PROMPT, OPTIONS, 0, "leave-one-out").values) == len(PROMPT.split())


def test_every_method_is_explained():
    from mcqa_suite.reporting.explanation import MEANINGS

    assert list(METHODS) == list(MEANINGS)
