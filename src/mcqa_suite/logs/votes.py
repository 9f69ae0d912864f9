"""Several samples of one question: which answer most of them give, and the scores of all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from mcqa_suite.extract import Extraction, same_number
from mcqa_suite.logs.scoring import SCORES, Doc, Scores

UNREAD = -1  # the number of an answer that could not be read


def numbered(kind: str, answers: Sequence[Any]) -> tuple[list[int], list[Any]]:
    """The number of each answer among the distinct ones, and the distinct answers in order of appearance."""
    same: Callable[[Any, Any], bool] = same_number if kind == "numbers" else lambda a, b: bool(a == b)
    distinct: list[Any] = []
    keys: dict[str, int] = {}
    numbers = []
    for answer in answers:
        if answer is None:
            numbers.append(UNREAD)
            continue
        key = json.dumps(answer)
        if key not in keys:
            keys[key] = next((index for index, other in enumerate(distinct) if same(answer, other)), len(distinct))
            if keys[key] == len(distinct):
                distinct.append(answer)
        numbers.append(keys[key])
    return numbers, distinct


def majority_sample(kind: str, extractions: Sequence[Extraction]) -> int | None:
    """The index of the first sample with the most frequent answer; None where none was read.

    Among equally frequent answers, the one that was sampled first wins.
    """
    numbers, _ = numbered(kind, [extraction.answer for extraction in extractions])
    counts = Counter(number for number in numbers if number != UNREAD)
    return numbers.index(counts.most_common(1)[0][0]) if counts else None


def voted_scores(kind: str, doc: Doc, extractions: Sequence[Extraction]) -> Scores:
    """`acc`, `parsed`, `refused`, `truncated`: means over the samples; `majority` and `any_right`: of the question."""
    single = [SCORES[kind](doc, [extraction]) for extraction in extractions]
    means = {name: sum(scores[name] for scores in single) / len(single) for name in single[0]}
    winner = majority_sample(kind, extractions)
    chosen = 0.0 if winner is None else single[winner]["acc"]
    return {**means, "majority": chosen, "any_right": max(scores["acc"] for scores in single)}
