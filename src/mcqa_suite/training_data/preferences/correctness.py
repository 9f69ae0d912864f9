"""Labels by correctness: a response whose answer is right is better than another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.jsonl import Row
from mcqa_suite.logs.scoring import SCORES, read_all
from mcqa_suite.training_data.preferences.pairs import DECIDED, ResponsePair
from mcqa_suite.training_data.preferences.prompts import kind_and_doc

BY = "correctness"


def by_correctness(pairs: Iterable[ResponsePair]) -> Iterator[tuple[ResponsePair, Row]]:
    """Label `a` or `b` where only that response is right, and `tie` where both are right or both are wrong.

    An unread response loses against a right one; against a wrong or unread one the label is `unread`. DatasetError where the row
    of a prompt has no right answer.
    """
    for pair in pairs:
        try:
            kind, doc = kind_and_doc(pair.data, pair.prompt)
        except ValueError as error:
            raise DatasetError(f"{pair.id}: {error}") from error
        extractions = read_all(kind, [pair.a, pair.b], doc)
        right = [bool(SCORES[kind](doc, [extraction])["acc"]) for extraction in extractions]
        label = "unread" if any(extraction.answer is None for extraction in extractions) else "tie"
        if right[0] != right[1]:
            label = "a" if right[0] else "b"
        yield pair, pair.labelled(BY, label, right=right, reads=[asdict(extraction) for extraction in extractions])


def decided_first(pairs: list[ResponsePair], per_prompt: int | None) -> list[ResponsePair]:
    """At most `per_prompt` pairs of each prompt; pairs that correctness decides come first."""
    by_prompt: dict[str, list[tuple[bool, ResponsePair]]] = {}
    for pair, row in by_correctness(pairs):
        by_prompt.setdefault(pair.id, []).append((row["label"] not in DECIDED, pair))
    return [pair for ranked in by_prompt.values() for _, pair in sorted(ranked, key=lambda item: item[0])[:per_prompt]]
