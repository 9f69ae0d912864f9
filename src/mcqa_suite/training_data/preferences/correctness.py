"""Labels by correctness: what an extractor reads as right against what it reads as wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.logs.scoring import SCORES, read_all
from mcqa_suite.training_data.preferences.asked import kind_and_doc
from mcqa_suite.training_data.preferences.pairs import DECIDED, Pair

BY = "correctness"


def by_correctness(pairs: Iterable[Pair]) -> Iterator[tuple[Pair, Row]]:
    """`a` or `b` where one is right and the other is not; `tie` where both are right or both wrong.

    An unread response loses to a right one, but never wins: against a wrong one the pair is `unread`. DatasetError where a
    prompt's row names no right answer.
    """
    for pair in pairs:
        try:
            kind, doc = kind_and_doc(pair.data, pair.prompt)
        except ValueError as error:
            raise DatasetError(f"{pair.id}: {error}") from error
        reads = read_all(kind, [pair.a, pair.b], doc)
        right = [bool(SCORES[kind](doc, [read])["acc"]) for read in reads]
        unread = any(read.answer is None for read in reads)
        label = "unread" if unread else "tie"
        if right[0] != right[1]:
            label = "a" if right[0] else "b"
        yield pair, pair.labelled(BY, label, right=right, reads=[asdict(read) for read in reads])


def decided_first(pairs: list[Pair], per_prompt: int | None) -> list[Pair]:
    """At most `per_prompt` pairs of each prompt, those that correctness decides before the others."""
    found: dict[str, list[tuple[bool, Pair]]] = {}
    for pair, row in by_correctness(pairs):
        found.setdefault(pair.id, []).append((row["label"] not in DECIDED, pair))
    return [pair for made in found.values() for _, pair in sorted(made, key=lambda item: item[0])[:per_prompt]]
