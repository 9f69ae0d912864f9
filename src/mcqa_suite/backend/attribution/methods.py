"""Attributions of a prompt's words by captum: how much each word moved the log-odds of an option."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mcqa_suite.backend.attribution.score import OptionScores, check_gradient
from mcqa_suite.backend.attribution.words import Word, words_of

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Attribution:
    """A value for each word of the prompt. `score` is the log-odds that they explain, `loglikelihoods` those of all options."""

    words: tuple[Word, ...]
    values: Values
    score: float
    loglikelihoods: Values


def attribute(lm: Any, context: str, continuations: Sequence[str], option: int, method: str) -> Attribution:
    """Explain the log-odds of an option after a prompt, by one of METHODS.

    CheckpointError where the method needs gradients and the model gives none; DatasetError for a prompt that is too long.
    """
    scores = OptionScores.of(lm, context, continuations, option)
    words = words_of(lm, context.rstrip(), scores.before)
    try:
        values = METHODS[method](scores, words)
    except RuntimeError as error:
        raise check_gradient(str(lm.pretrained), error) or error from error
    loglikelihoods = scores.loglikelihoods([scores.before])
    score = float(scores.of_contexts([scores.before])[0])
    return Attribution(tuple(words), values, score, loglikelihoods[0])


def leave_one_out(scores: OptionScores, words: Sequence[Word]) -> Values:
    """By how much the log-odds fall when a word's tokens are taken out of the prompt, each word alone."""
    from captum.attr import FeatureAblation

    def score(present: torch.Tensor) -> torch.Tensor:
        absent = [[word for word, flag in zip(words, row, strict=True) if not flag] for row in present]
        return scores.of_contexts([scores.without([t for word in row for t in word.tokens]) for row in absent])

    whole = torch.ones(1, len(words), dtype=torch.float64)
    values = FeatureAblation(score).attribute(whole, baselines=0, perturbations_per_eval=len(words))
    return np.asarray(values[0], np.float64)


def gradient(scores: OptionScores, words: Sequence[Word]) -> Values:
    """The gradient of the log-odds times the input embedding, summed over each word's tokens."""
    from captum.attr import InputXGradient

    values = InputXGradient(scores.of_embeddings).attribute(scores.embeddings().requires_grad_())
    return _by_word(values, words)


def _by_word(values: torch.Tensor, words: Sequence[Word]) -> Values:
    tokens = values.detach().double().sum(-1)[0].cpu().numpy()
    return np.array([tokens[list(word.tokens)].sum() for word in words])


METHODS: dict[str, Callable[[OptionScores, Sequence[Word]], Values]] = {
    "leave-one-out": leave_one_out,
    "gradient": gradient,
}
