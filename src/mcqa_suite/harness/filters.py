"""The extractors as filters of the harness, each under two names.

`{function: custom, filter_fn: !function mcqa_suite.harness.filters.letters}` works wherever the package is installed;
`{function: mcqa_letters}` needs this module imported, which `mcqa eval` does (harness releases after 0.4.13 read it from the
package's entry points). A filtered response is a `Filtered` extraction, so that "no answer" is not a wrong answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

from mcqa_suite.extract import Extraction
from mcqa_suite.logs.rows import write_extraction
from mcqa_suite.logs.scoring import Doc, read_all

Responses = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Filtered(Extraction):
    """An extraction with the `text` of its response, which text metrics need; the log has the text already."""

    text: str = ""

    def __str__(self) -> str:
        """What the harness writes to the sample log."""
        return write_extraction(self)


def _each(kind: str, responses: Responses, docs: Sequence[Doc]) -> list[list[Filtered]]:
    return [
        [
            Filtered(**vars(extraction), text=text)
            for extraction, text in zip(read_all(kind, texts, doc), texts, strict=True)
        ]
        for texts, doc in zip(responses, docs, strict=True)
    ]


def letters(responses: Responses, docs: Sequence[Doc]) -> list[list[Filtered]]:
    """The option that each response commits to."""
    return _each("letters", responses, docs)


def numbers(responses: Responses, docs: Sequence[Doc]) -> list[list[Filtered]]:
    """The final number of each response."""
    return _each("numbers", responses, docs)


def grids(responses: Responses, docs: Sequence[Doc]) -> list[list[Filtered]]:
    """The grid that each response gives."""
    return _each("grids", responses, docs)


@register_filter("mcqa_letters")
class Letters(Filter):  # type: ignore[misc]
    apply = staticmethod(letters)


@register_filter("mcqa_numbers")
class Numbers(Filter):  # type: ignore[misc]
    apply = staticmethod(numbers)


@register_filter("mcqa_grids")
class Grids(Filter):  # type: ignore[misc]
    apply = staticmethod(grids)
