"""Scores of one document: the `process_results` of task YAMLs, with a key for each metric of the `metric_list`."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from mcqa_suite.common.errors import LoglikelihoodError
from mcqa_suite.extract import Extraction
from mcqa_suite.grids import task_score
from mcqa_suite.harness.text_metrics import bertscore, text_scores
from mcqa_suite.logs.scoring import Doc, Scores, epfl_marked, grid_scores, letter_scores, number_scores
from mcqa_suite.questions.gsm8k import without_calculations

BERTSCORE_MODEL = "MCQA_BERTSCORE_MODEL"


def _loglikelihoods(doc: Doc, results: Sequence[tuple[float, bool]], suffix: str) -> list[float]:
    """The options' log-likelihoods; NaN and +inf are errors, because an argmax over them looks like an answer."""
    values = [float(value) for value, _ in results]
    for index, value in enumerate(values):
        if math.isnan(value) or value == math.inf:
            benchmark = doc["id"].partition("/")[0]
            raise LoglikelihoodError(
                f"mcqa_{benchmark}{suffix}: document {doc['id']}: the log-likelihood of option {index + 1} is {value}; "
                "the model's weights or dtype are broken (try dtype=float32)"
            )
    return values


def _argmax(values: Sequence[float]) -> int:
    """The index of the largest, the first of equal ones, as in the harness's own accuracy."""
    return max(range(len(values)), key=values.__getitem__)


def letter_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc`, and `finite`: whether every option had a finite log-likelihood."""
    values = _loglikelihoods(doc, results, "")
    return {"acc": float(_argmax(values) in doc["gold"]), "finite": float(all(map(math.isfinite, values)))}


def cloze_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc`, `acc_norm` (log-likelihood per character of the option, as the harness defines it) and `finite`."""
    values = _loglikelihoods(doc, results, "_cloze")
    return {**_option_scores(doc, values, doc["choices"]), "finite": float(all(map(math.isfinite, values)))}


def _option_scores(doc: Doc, values: Sequence[float], texts: Sequence[str]) -> Scores:
    """`acc` and `acc_norm` of options that were scored by these texts."""
    per_character = [value / len(text) for value, text in zip(values, texts, strict=True)]
    return {"acc": float(_argmax(values) in doc["gold"]), "acc_norm": float(_argmax(per_character) in doc["gold"])}


def builtin_letter_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc`, the one metric of the built-in MMLU tasks."""
    return {"acc": float(_argmax(_loglikelihoods(doc, results, "_harness")) in doc["gold"])}


def builtin_text_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc` and `acc_norm` where the texts of the options are scored."""
    return _option_scores(doc, _loglikelihoods(doc, results, "_harness"), doc["choices"])


def builtin_label_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc` and `acc_norm` where the labels `(A)` to `(D)` are scored, all of three characters."""
    return _option_scores(doc, _loglikelihoods(doc, results, "_harness"), ["(A)"] * len(results))


def cot_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> Scores:
    """Scores of a generated letter."""
    return letter_scores(doc, results[0])


def math_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> dict[str, Any]:
    """Scores of a generated number, and of the text before it against the worked solution."""
    return {**number_scores(doc, results[0]), **_text_scores(results[0], doc["solution"])}


def rationale_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> dict[str, Any]:
    """`cot_results`, and scores of the text against the data set's own explanation."""
    return {**letter_scores(doc, results[0]), **_text_scores(results[0], doc["rationale"])}


def _text_scores(extractions: Sequence[Extraction], rationale: str) -> dict[str, Any]:
    """Text scores of the first response as generated; none where the data set has no reference text.

    `bertscore` is added where MCQA_BERTSCORE_MODEL names a model; `mean_bertscore` aggregates its pairs of texts.
    """
    reference = without_calculations(rationale)
    text = getattr(extractions[0], "text", None)
    if not reference or text is None:  # another filter's results do not keep their text
        return {}
    scores = text_scores(text, reference)
    return {**scores, "bertscore": (text, reference)} if os.environ.get(BERTSCORE_MODEL) else scores


def mean_bertscore(items: Sequence[tuple[str, str]]) -> float:
    """The mean F of BERTScore over all documents, by the model that MCQA_BERTSCORE_MODEL names."""
    return fmean(bertscore(items, os.environ[BERTSCORE_MODEL]))


def grid_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> dict[str, Any]:
    """Scores of the attempts at a grid, and the input of `mean_over_tasks`."""
    scores = grid_scores(doc, results[0])
    return {**scores, "task_score": (doc["task_id"], scores["acc"])}


def mean_over_tasks(items: Sequence[tuple[str, float]]) -> float:
    """The official ARC score."""
    return task_score(items)


def epfl_letter_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`letter_results` with EPFL's marking: 3 for a right answer, -1 for a wrong one."""
    return epfl_marked(letter_results(doc, results))


def epfl_cloze_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`cloze_results` with EPFL's marking."""
    return epfl_marked(cloze_results(doc, results))


def epfl_cot_results(doc: Doc, results: Sequence[Sequence[Extraction]]) -> Scores:
    """`cot_results` with EPFL's marking; an unread answer counts as blank, 0."""
    return epfl_marked(cot_results(doc, results))
