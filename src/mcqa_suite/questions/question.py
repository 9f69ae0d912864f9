"""The canonical form of a multiple-choice question."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

LETTERS = string.ascii_uppercase
# "A)5 km", "B. 6", "(C) 7": a label that a data set writes in front of the option's text
OPTION_LABEL = re.compile(r"^\s*\(?[A-Z][).:]\s*")
NUMBERED_LABEL = re.compile(r"#[1-9][0-9]{1,5}")  # of an option behind Z

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """A question with its options.

    `id` is `<benchmark>/<row id>`. `gold` holds the indices of the right options: one, except where a data set marks
    several. `rationale` is the data set's own explanation, if it has one. Raises ValueError for a question that cannot be
    scored.
    """

    id: str
    stem: str
    choices: tuple[str, ...]
    gold: tuple[int, ...]
    subject: str = ""
    rationale: str = ""

    def __post_init__(self) -> None:
        if not 2 <= len(self.choices) <= len(LETTERS):
            raise ValueError(f"{self.id}: {len(self.choices)} options, expected 2 to {len(LETTERS)}")
        if not self.gold or not all(0 <= g < len(self.choices) for g in self.gold):
            raise ValueError(f"{self.id}: gold {list(self.gold)} does not point at one of {len(self.choices)} options")
        if not all(isinstance(text, str) for text in (self.stem, *self.choices)):
            raise ValueError(f"{self.id}: the question or an option is no text")
        if not self.stem.strip() or not all(choice.strip() for choice in self.choices):
            raise ValueError(f"{self.id}: the question or an option is blank")

    @property
    def letters(self) -> list[str]:
        """The options' labels, A onwards."""
        return list(LETTERS[: len(self.choices)])

    @property
    def answer(self) -> str:
        """The letter of the (first) right option."""
        return LETTERS[self.gold[0]]


def option_label(index: int) -> str:
    """The label of an option in every table, figure and page: A to Z, then its number, counted from 1 ("#27")."""
    return LETTERS[index] if index < len(LETTERS) else f"#{index + 1}"


def index_of_label(label: str) -> int:
    """The index of the option with an `option_label`; -1 for any other text."""
    if len(label) == 1:
        return LETTERS.find(label)
    number = int(label[1:]) if NUMBERED_LABEL.fullmatch(label) else 0
    return number - 1 if number > len(LETTERS) else -1


def text_id(*texts: str) -> str:
    """A short id from the row's own words, for data sets whose rows have none."""
    return hashlib.sha256("\x1f".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def label_index(labels: Sequence[str], answer: str) -> int:
    """The index of `answer` (a letter or a digit) among a row's own labels; ValueError where it is none of them."""
    label = str(answer).strip()
    if label not in labels:
        raise ValueError(f"answer {label!r} is not one of the labels {', '.join(labels)}")
    return list(labels).index(label)


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
