"""`mcqa_*_perm`: every document in each rotation of its options, and metrics that show the effect of their order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from datasets import Dataset

from mcqa_suite.analysis.option_order import OrderEffect, RotationScores, order_effect
from mcqa_suite.harness import docs
from mcqa_suite.harness.scoring import letter_results
from mcqa_suite.logs.scoring import Doc
from mcqa_suite.questions.question import rotations


def canonical(rows: Dataset) -> Dataset:
    """`process_docs` for documents that have the columns of `Question` already: each in all its rotations, with the columns
    `question_id` and `rotation`."""
    return Dataset.from_list(
        [
            {**asdict(rotated), "question_id": doc["id"], "rotation": r}
            for doc in rows
            for r, rotated in enumerate(rotations(docs.as_question(doc)))
        ]
    )


def _all_orders(process_docs: Callable[[Dataset], Dataset]) -> Callable[[Dataset], Dataset]:
    return lambda rows: canonical(process_docs(rows))


mmlu_stem = _all_orders(docs.mmlu_stem)
arc_easy = _all_orders(docs.arc_easy)
arc_challenge = _all_orders(docs.arc_challenge)
openbookqa = _all_orders(docs.openbookqa)
sciq = _all_orders(docs.sciq)
aqua_rat = _all_orders(docs.aqua_rat)
gpqa_main = _all_orders(docs.gpqa_main)
gpqa_diamond = _all_orders(docs.gpqa_diamond)
gpqa_extended = _all_orders(docs.gpqa_extended)


def unturned(rows: Dataset) -> Dataset:
    """`process_docs` for few-shot examples, which are not rotated."""
    return rows


def results(doc: Doc, scores: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """`acc` and `finite` of this rotation, and the input of the aggregations over a question's rotations."""
    values = [max(float(value), -1e30) for value, _ in scores]
    gold, *others = doc["gold"]
    row = RotationScores(doc["question_id"], doc["rotation"], gold, values, tuple(others))
    return {**letter_results(doc, scores), "debiased_acc": row, "consistency": row, "position_std": row}


def _aggregation(measure: Callable[[OrderEffect], float]) -> Callable[[Sequence[RotationScores]], float]:
    def aggregate(items: Sequence[RotationScores]) -> float:
        try:
            return float(measure(order_effect(items)))
        except ValueError:  # --limit ended within the first question
            return math.nan

    return aggregate


debiased_acc = _aggregation(lambda effect: effect.debiased.mean())
consistency = _aggregation(lambda effect: effect.consistent.mean())
position_std = _aggregation(lambda effect: effect.position_std)
