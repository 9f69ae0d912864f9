"""Split a question in one text into its stem and its options, where each option begins a line with its label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from mcqa_suite.questions.question import LETTERS

HEAD = re.compile(r"\s*(\*\*|__)?Question:(?(1)\1)[ \t]*")
OPTIONS_LINE = re.compile(r"[ \t]*(\*\*|__)?Options:(?(1)\1)[ \t]*$", re.IGNORECASE)
# "A. text", "A)text", "(A) text", "a) text", "1. text", "- A. text", "**A.** text", "**A**. text", "Ａ．text"
LABEL_LINE = re.compile(
    r"[ \t]*(?:[-*•][ \t]+)?(\*\*|__)?[(（]?([A-Za-zＡ-Ｚａ-ｚ]|[0-9０-９]{1,2})"
    r"(?:(?(1)\1)([.):．）：、])|([.):．）：、])(?(1)\1))(.*)$"
)
UPPER, LOWER, NUMBERS = "letters", "small letters", "numbers"
LETTERED = (UPPER, LOWER)


class NoOptionsError(ValueError):
    """A text without any line that begins an option."""


class Label(NamedTuple):
    """The label of a line: its alphabet, its position from 0, its mark (`.`, `)` or `:`) and the text behind it."""

    kind: str
    position: int
    mark: str
    text: str

    @property
    def name(self) -> str:
        return name_of(self.kind, self.position)


def name_of(kind: str, position: int) -> str:
    if kind == NUMBERS:
        return str(position + 1)
    return LETTERS[position] if kind == UPPER else LETTERS[position].lower()


def label_of(line: str) -> Label | None:
    """The label that a line begins with. "1.5 m", "12:30" and "e.g." begin with none."""
    match = LABEL_LINE.match(line)
    if not match:
        return None
    label, text = unicodedata.normalize("NFKC", match[2]), match[5]
    mark = unicodedata.normalize("NFKC", match[3] or match[4]).replace("、", ".")
    if mark != ")" and ((label.isdigit() and text[:1].isdigit()) or (label.islower() and text[:1].strip())):
        return None
    if label.isdigit():
        return Label(NUMBERS, int(label) - 1, mark, text)
    return Label(UPPER if label.isupper() else LOWER, LETTERS.index(label.upper()), mark, text)


def lines_of(text: str) -> list[str]:
    """The lines of a question without `Question:` before it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    head = HEAD.match(text)
    return text[head.end() if head else 0 :].split("\n")


def split_lines(lines: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The lines of the stem and those of each option, without the labels.

    An option may span lines. NoOptionsError where no line begins an option; ValueError for a label that comes twice, is
    missing or out of order, and where lists with two kinds of labels could both be the options.
    """
    marks = [index for index, line in enumerate(lines) if OPTIONS_LINE.match(line)]
    start = marks[-1] + 1 if marks else 0
    labels = {index: label for index in range(start, len(lines)) if (label := label_of(lines[index]))}
    firsts: dict[str, int] = {}
    for index, label in labels.items():
        if label.position == 0:
            firsts.setdefault(label.kind, index)
    if not firsts:
        raise NoOptionsError("no options found; expected lines such as 'A. text'")
    # Statements in the stem are numbered where the options have letters; a line "Options:" makes it certain.
    kind = min(firsts, key=firsts.__getitem__) if marks else next(k for k in (UPPER, LOWER, NUMBERS) if k in firsts)
    remedy = "" if marks else "write a line 'Options:' before the options, or "
    remedy += "give the options as a list 'choices'"
    own = {index: label for index, label in labels.items() if label.kind == kind}
    if not marks:
        _refuse_a_second_list(kind, max(own), labels, remedy)
    first = firsts[kind]
    if any(label.position < 0 for label in own.values()):
        raise ValueError("option 0: labels begin with A or 1; number the options from 1")
    options: list[list[str]] = []
    for index in range(first, len(lines)):
        label = own.get(index)
        if label is None:
            options[-1].append(lines[index])
        elif label.position == len(options):
            options.append([label.text])
        elif label.position < len(options):
            raise ValueError(f"label {label.name} comes twice; {remedy}")
        else:
            raise ValueError(f"option {name_of(kind, len(options))} is missing before {label.name}; {remedy}")
    return [*lines[: max(0, start - 1)], *lines[start:first]], options


def _refuse_a_second_list(kind: str, last: int, labels: dict[int, Label], remedy: str) -> None:
    """ValueError where a list with labels of another kind follows the last option."""
    for other in {UPPER, LOWER, NUMBERS} - {kind}:
        after = [label.position for index, label in labels.items() if index > last and label.kind == other]
        if after[:2] == [0, 1]:
            raise ValueError(f"two lists, with labels {name_of(kind, 0)} and {name_of(other, 0)}; {remedy}")


def without_labels(choices: Sequence[str], kinds: Sequence[str]) -> list[str] | None:
    """`["A) 5 km", "B) 6 km"]` as `["5 km", "6 km"]`; None where not every option begins with its own label of one kind."""
    labels = [label_of(choice.split("\n", 1)[0]) for choice in choices]
    own = {label.kind for label in labels if label}
    for position, label in enumerate(labels):
        if not label or label.position != position or label.mark == ":" or len(own) > 1 or label.kind not in kinds:
            return None
        if label.kind == NUMBERS and not label.text[:1].isspace():
            return None
    texts = [
        "\n".join([label.text, *choice.split("\n")[1:]]).strip()
        for label, choice in zip(labels, choices, strict=True)
        if label
    ]
    return texts if texts and all(texts) else None
