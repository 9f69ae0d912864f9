"""Whether prompts go through the tokenizer's chat template: one way for each format of a task, and of a training row.

A recipe and a manifest give `true` or `false` for all formats, or a mapping such as {letter: false, cloze: false, written: true}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

# letter: the option's letter is scored; cloze: its text is; written: the model writes its answer
Format = Literal["letter", "cloze", "written"]
FORMATS: tuple[Format, ...] = get_args(Format)
WAYS = {False: "without", True: "with"}


@dataclass(frozen=True)
class ChatTemplate:
    """For each format, whether the chat template is applied; None: not said."""

    letter: bool | None = None
    cloze: bool | None = None
    written: bool | None = None

    @classmethod
    def everywhere(cls, way: bool) -> ChatTemplate:
        return cls(way, way, way)

    def __getitem__(self, format: str) -> bool:
        return bool(getattr(self, format))

    def over(self, other: ChatTemplate | None) -> ChatTemplate:
        """These ways, and the other's for formats that these say nothing about."""
        ways = {format: getattr(self, format) for format in FORMATS}
        return ChatTemplate(
            **{format: getattr(other, format, None) if way is None else way for format, way in ways.items()}
        )

    def among(self, formats: Iterable[str]) -> ChatTemplate:
        """The ways of these formats alone."""
        return ChatTemplate(**{format: getattr(self, format) for format in formats})

    def differences(self, other: ChatTemplate) -> dict[str, tuple[bool, bool]]:
        """Both ways of each format of which the two say different things."""
        pairs = {format: (getattr(self, format), getattr(other, format)) for format in FORMATS}
        return {format: pair for format, pair in pairs.items() if None not in pair and pair[0] != pair[1]}

    def as_json(self) -> bool | dict[str, bool] | None:
        """One value where all formats that it says something about are alike, else a mapping of these."""
        ways: dict[str, bool] = {format: way for format in FORMATS if (way := getattr(self, format)) is not None}
        return ways if len(set(ways.values())) > 1 else next(iter(ways.values()), None)

    def __str__(self) -> str:
        """letter and cloze without the chat template, written with it"""
        parts: list[str] = []
        for way, word in WAYS.items():
            if names := [format for format in FORMATS if getattr(self, format) is way]:
                listed = ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
                parts.append(f"{listed} {word} {'it' if parts else 'the chat template'}")
        return ", ".join(parts)


WITHOUT = ChatTemplate.everywhere(False)
DEFAULT = ChatTemplate(letter=False, cloze=False, written=True)  # where the tokenizer has a template


def as_chat_template(value: Any) -> ChatTemplate | None:
    """The ways that a file or a flag gives; ValueError for an unknown format and for what is neither true nor false."""
    if value is None or isinstance(value, ChatTemplate):
        return value
    if isinstance(value, bool):
        return ChatTemplate.everywhere(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r}; expected true, false or a mapping such as {{letter: false, written: true}}")
    for key, way in value.items():
        if key not in FORMATS:
            raise ValueError(f"unknown key {key!r}; valid keys: {', '.join(FORMATS)}")
        if way is not None and not isinstance(way, bool):
            raise ValueError(f"{key}: {way!r}; expected true or false")
    return ChatTemplate(**value)


ChatTemplateSetting = Annotated[ChatTemplate | None, BeforeValidator(as_chat_template)]
