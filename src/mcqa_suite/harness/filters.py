"""The extractors in the shape of the harness's `custom` filter: `filter_fn: !function mcqa_suite.harness.filters.letters`.

A filtered response is a dict `{"answer", "status", "rule", "span"}`, so that the sample log shows what was read, by which
rule and where, and so that "no answer" stays a state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from mcqa_suite.extract import Extraction, extract_choice, extract_grid, extract_number

Doc = dict[str, Any]
Responses = Sequence[Sequence[str]]
Read = dict[str, Any]


def _each(responses: Responses, docs: Sequence[Doc], read: Callable[[str, Doc], Extraction]) -> list[list[Read]]:
    return [[asdict(read(text, doc)) for text in texts] for texts, doc in zip(responses, docs, strict=True)]


def letters(responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    """The option that each response commits to."""
    return _each(responses, docs, lambda text, doc: extract_choice(text, doc["choices"]))


def numbers(responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    """The number that each response ends at."""
    return _each(responses, docs, lambda text, doc: extract_number(text))


def grids(responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    """The grid that each response gives."""
    return _each(responses, docs, lambda text, doc: extract_grid(text))
