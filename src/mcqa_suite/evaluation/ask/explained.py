"""Which words of a prompt moved an option, for one model or two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcqa_suite.backend.attribution.methods import METHODS, attribute
from mcqa_suite.common.chat_template import Format
from mcqa_suite.common.extras import require
from mcqa_suite.evaluation.ask.model import Model
from mcqa_suite.evaluation.ask.question import SUFFIXES, scored
from mcqa_suite.questions.question import Question
from mcqa_suite.reporting.explanation import Explanation, ModelWords, WordValue
from mcqa_suite.stats.probabilities import option_probabilities

__all__ = ["METHODS", "explained", "model_words"]


def explained(models: Sequence[Model], benchmark: str, question: Question, format: Format, method: str) -> Explanation:
    """The option that the first model chooses, explained for each model; ConfigError where captum is missing."""
    require("explanations", "explain")
    scores = [scored(model, benchmark, question, format) for model in models]
    option = scores[0].chosen
    words = tuple(
        model_words(model, each.context, each.continuations, option, each.chosen, method)[0]
        for model, each in zip(models, scores, strict=True)
    )
    task = benchmark + SUFFIXES[format]
    return Explanation(task, None, "", "", method, question.choices, option, words)


def model_words(
    model: Model, context: str, continuations: Sequence[str], option: int, chosen: int, method: str
) -> tuple[ModelWords, list[float]]:
    """The words of one model, and the log-likelihoods of the options; `chosen` is the option that it chose."""
    with model.lock:
        result = attribute(model.lm, context, continuations, option, method)
    values = result.loglikelihoods[None]
    share = option_probabilities(values, np.ones(values.shape, bool))[0, option]
    pairs = zip(result.words, result.values, strict=True)
    words = tuple(WordValue(word.start, word.end, float(value)) for word, value in pairs)
    explained = ModelWords(model.name, model.content, chosen, float(share), result.score, context, words)
    return explained, [float(value) for value in result.loglikelihoods]
