"""The extractors as filters of the harness, each under two names.

`{function: custom, filter_fn: !function mcqa_suite.harness.filters.letters}` works wherever the package is installed;
`{function: mcqa_letters}` needs this module imported, which `mcqa eval` does (harness releases after 0.4.13 read it from the
package's entry points). A filtered response is a `Filtered` extraction, so that "no answer" is not a wrong answer.

`letter_text` and `number_text` are for tasks of other projects, whose metrics compare texts, such as the harness's exact_match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.extract import Extraction
from mcqa_suite.logs.log_row import choices_of
from mcqa_suite.logs.rows import write_extraction
from mcqa_suite.logs.scoring import Doc, read_all

Responses = Sequence[Sequence[str]]
UNREAD = "[invalid]"  # as the harness's own filters write it


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


def letter_text(responses: Responses, docs: Sequence[Doc], choices: str | None = None) -> list[list[str]]:
    """The letter of each response, "[invalid]" where it commits to none.

    The options are in the column `choices`, choices or options; several columns are separated by commas, and a number is
    that of the options.
    """
    try:
        options = [{"choices": choices_of(doc, choices)[0]} for doc in docs]
    except ValueError as error:
        reason = str(error).replace("--choices-key", "choices:")
        raise ConfigError(f"filter mcqa_letter_text: {reason}") from error
    return _texts(letters(responses, options))


def number_text(responses: Responses, docs: Sequence[Doc]) -> list[list[str]]:
    """The final number of each response, such as 1080.5; "[invalid]" where it gives no single one."""
    return _texts(numbers(responses, docs))


def _texts(extractions: Sequence[Sequence[Extraction]]) -> list[list[str]]:
    return [[str(item.answer) if item.answer is not None else UNREAD for item in items] for items in extractions]


@register_filter("mcqa_letters")
class Letters(Filter):  # type: ignore[misc]
    apply = staticmethod(letters)


@register_filter("mcqa_numbers")
class Numbers(Filter):  # type: ignore[misc]
    apply = staticmethod(numbers)


@register_filter("mcqa_grids")
class Grids(Filter):  # type: ignore[misc]
    apply = staticmethod(grids)


@register_filter("mcqa_letter_text")
class LetterText(Filter):  # type: ignore[misc]
    def __init__(self, choices: str | None = None) -> None:
        self.choices = str(choices) if choices is not None else None

    def apply(self, resps: Responses, docs: Sequence[Doc]) -> list[list[str]]:
        return letter_text(resps, docs, self.choices)


@register_filter("mcqa_number_text")
class NumberText(Filter):  # type: ignore[misc]
    apply = staticmethod(number_text)
