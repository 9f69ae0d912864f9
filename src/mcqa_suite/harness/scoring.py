"""What a task YAML's `process_results` points at: one document's scores, each a key of its `metric_list`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mcqa_suite.errors import ScoreError
from mcqa_suite.reads import Doc, Read, Scores, epfl_marked, grid_scores, letter_scores, number_scores


def _loglikelihoods(doc: Doc, results: Sequence[tuple[float, bool]], suffix: str) -> list[float]:
    """The options' log-likelihoods; NaN and +inf are errors, because an argmax over them looks like an answer."""
    values = [float(value) for value, _ in results]
    for index, value in enumerate(values):
        if math.isnan(value) or value == math.inf:
            benchmark = doc["id"].partition("/")[0]
            raise ScoreError(
                f"mcqa_{benchmark}{suffix}: document {doc['id']}: the log-likelihood of option {index + 1} is {value}; "
                "the model's weights or dtype are broken (try dtype=float32)"
            )
    return values


def _argmax(values: Sequence[float]) -> int:
    """The first of the largest, as the harness's own accuracy takes it."""
    return max(range(len(values)), key=values.__getitem__)


def letter_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc`, and `finite`: whether every option had a finite log-likelihood."""
    values = _loglikelihoods(doc, results, "")
    return {"acc": float(_argmax(values) in doc["gold"]), "finite": float(all(map(math.isfinite, values)))}


def cloze_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`acc`, `acc_norm` (log-likelihood per character of the option, as the harness defines it) and `finite`."""
    values = _loglikelihoods(doc, results, "_cloze")
    per_character = [value / len(choice) for value, choice in zip(values, doc["choices"], strict=True)]
    return {
        "acc": float(_argmax(values) in doc["gold"]),
        "acc_norm": float(_argmax(per_character) in doc["gold"]),
        "finite": float(all(map(math.isfinite, values))),
    }


def cot_results(doc: Doc, results: Sequence[Sequence[Read]]) -> Scores:
    """Scores of a generated letter."""
    return letter_scores(doc, results[0])


def math_results(doc: Doc, results: Sequence[Sequence[Read]]) -> Scores:
    """Scores of a generated number."""
    return number_scores(doc, results[0])


def grid_results(doc: Doc, results: Sequence[Sequence[Read]]) -> dict[str, Any]:
    """Scores of the attempts at a grid, and what `mean_over_tasks` needs."""
    scores = grid_scores(doc, results[0])
    return {**scores, "task_score": (doc["task_id"], scores["acc"])}


def mean_over_tasks(items: Sequence[tuple[str, float]]) -> float:
    """The official ARC score: the mean over tasks of the share of their test outputs that are right."""
    tasks: dict[str, list[float]] = {}
    for task_id, right in items:
        tasks.setdefault(task_id, []).append(right)
    return sum(sum(rights) / len(rights) for rights in tasks.values()) / len(tasks)


def epfl_letter_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`letter_results` with EPFL's marking: 3 for a right answer, -1 for a wrong one."""
    return epfl_marked(letter_results(doc, results))


def epfl_cloze_results(doc: Doc, results: Sequence[tuple[float, bool]]) -> Scores:
    """`cloze_results` with EPFL's marking."""
    return epfl_marked(cloze_results(doc, results))


def epfl_cot_results(doc: Doc, results: Sequence[Sequence[Read]]) -> Scores:
    """`cot_results` with EPFL's marking; an unread answer is a blank sheet, 0."""
    return epfl_marked(cot_results(doc, results))
