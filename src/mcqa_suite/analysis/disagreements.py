"""Responses in which another reader of answers reads something else than this suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcqa_suite.extract import same_number
from mcqa_suite.logs.responses import OURS, Answer, ReadResponse

# How two readers compare, in the order of the table
SAME, ANOTHER, ONLY_OURS, ONLY_OTHER, NEITHER = "same", "another answer", "only mcqa", "only the other", "neither"
OUTCOMES = (SAME, ANOTHER, ONLY_OURS, ONLY_OTHER, NEITHER)
LISTED = (ANOTHER, ONLY_OTHER, ONLY_OURS)


def same_answer(kind: str, answer: Answer, other: Answer) -> bool:
    """Whether two answers are the same letter, or the same number."""
    if answer is None or other is None or kind == "mcq":
        return answer == other
    return same_number(answer, other)


def with_readers(responses: Sequence[ReadResponse], answers: Mapping[str, Mapping[str, Answer]]) -> list[ReadResponse]:
    """The responses with the answers of further readers, by reader and id; a reader may lack a response.

    A number on the other scale of our answer ("0.125" for "12.5 %") counts as our answer.
    """

    def answer(response: ReadResponse, value: Answer) -> Answer:
        other = response.extraction.other if response.extraction else None
        return response.readers[OURS] if other and value and same_answer(response.kind, other, value) else value

    return [
        replace(
            response,
            readers={
                **response.readers,
                **{name: answer(response, read[response.id]) for name, read in answers.items() if response.id in read},
            },
        )
        for response in responses
    ]


def outcome(response: ReadResponse, reader: str) -> str:
    """How the answer of a reader compares with ours."""
    ours, other = response.readers[OURS], response.readers[reader]
    if same_answer(response.kind, ours, other):
        return NEITHER if ours is None else SAME
    return ONLY_OTHER if ours is None else ONLY_OURS if other is None else ANOTHER


def disagreement(response: ReadResponse) -> str | None:
    """How the readers disagree; None where they agree.

    Where only we read an answer, they disagree if no other reader has one: most patterns fit few responses.
    """
    outcomes = {outcome(response, reader) for reader in response.readers if reader != OURS}
    if outcomes & {ANOTHER, ONLY_OTHER}:
        return ANOTHER if ANOTHER in outcomes else ONLY_OTHER
    return ONLY_OURS if outcomes == {ONLY_OURS} else None


def outcomes_by_reader(responses: Sequence[ReadResponse]) -> dict[str, Counter[str]]:
    """The number of responses by outcome, for each reader but this suite."""
    counts: dict[str, Counter[str]] = {}
    for response in responses:
        for reader in response.readers:
            if reader != OURS:
                counts.setdefault(reader, Counter())[outcome(response, reader)] += 1
    return counts
