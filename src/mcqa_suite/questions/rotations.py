"""Questions with their options in another order."""

from __future__ import annotations

from dataclasses import replace

from mcqa_suite.questions.question import Question


def rotations(question: Question) -> list[Question]:
    """The question in each of its k cyclic rotations, the first unchanged; ids end in `#r0`, `#r1`, ...

    In rotation r the option of position (i + r) mod k is at position i, so that the right one is once at every position.
    """
    k = len(question.choices)
    return [
        replace(
            question,
            id=f"{question.id}#r{r}",
            choices=question.choices[r:] + question.choices[:r],
            gold=tuple((g - r) % k for g in question.gold),
        )
        for r in range(k)
    ]
