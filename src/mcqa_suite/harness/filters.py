"""The extractors in the shape of the harness's filters, each under two names.

`{function: custom, filter_fn: !function mcqa_suite.harness.filters.letters}` works wherever the package is installed;
`{function: mcqa_letters}` needs the name registered, which `mcqa eval` does (and, once the harness reads entry points, it
does itself). A filtered response is the dict of `mcqa_suite.logs.scoring`, so that "no answer" stays a state of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

from mcqa_suite.logs.scoring import Doc, Read, read_all

Responses = Sequence[Sequence[str]]


class ReadOf(dict[str, Any]):
    """A read that still knows its `text`: scores may need it, and as no key of the dict it is not logged a second time."""

    def __init__(self, read: Read, text: str) -> None:
        super().__init__(read)
        self.text = text


def _each(kind: str, responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    return [
        [ReadOf(read, text) for read, text in zip(read_all(kind, texts, doc), texts, strict=True)]
        for texts, doc in zip(responses, docs, strict=True)
    ]


def letters(responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    """The option that each response commits to."""
    return _each("letters", responses, docs)


def numbers(responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    """The number that each response ends at."""
    return _each("numbers", responses, docs)


def grids(responses: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
    """The grid that each response gives."""
    return _each("grids", responses, docs)


@register_filter("mcqa_letters")
class Letters(Filter):  # type: ignore[misc]
    def apply(self, resps: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
        return letters(resps, docs)


@register_filter("mcqa_numbers")
class Numbers(Filter):  # type: ignore[misc]
    def apply(self, resps: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
        return numbers(resps, docs)


@register_filter("mcqa_grids")
class Grids(Filter):  # type: ignore[misc]
    def apply(self, resps: Responses, docs: Sequence[Doc]) -> list[list[Read]]:
        return grids(resps, docs)
