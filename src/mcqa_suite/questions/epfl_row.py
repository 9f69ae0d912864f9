"""One row of an EPFL file as a question, with notes on what was corrected."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mcqa_suite.questions.answer_key import (
    answer_line,
    cut_answer_line,
    inline_key,
    is_key,
    labels_in,
    read_answer,
    same,
    short,
)
from mcqa_suite.questions.option_lines import LETTERED, NUMBERS, OPTIONS_LINE, lines_of, split_lines, without_labels
from mcqa_suite.questions.question import LETTERS, Question, text_id

MIN_OPTIONS, MAX_OPTIONS = 3, 8
LONE_LETTER = re.compile(r"\s*[A-H]\s*")

# What is said about a row; the first four change what is asked or what counts as right.
ANSWER_LINE = "answer taken out of the question"
LABELS = "labels taken off the options"
TWICE = "options taken out of the question, 'choices' has them"
EQUAL_RIGHT = "two options have the right text, so both are right"
MENDED = (ANSWER_LINE, LABELS, TWICE, EQUAL_RIGHT)
TEXT = "answer read as the text of an option"
ALSO_TEXT = "answer read as a label, and it is also the text of another option"
EQUAL_WRONG = "two wrong options are equal"
KEPT = "a line that looks like an answer, but names no option, is left in the question"


@dataclass(frozen=True)
class ParsedRow:
    """A row's question; `notes` are (kind, detail) of what was corrected or is odd."""

    question: Question
    notes: tuple[tuple[str, str], ...] = ()


class _Parts(NamedTuple):
    """The lines of the stem, the options, and what answer lines in the question name."""

    stem: list[str]
    choices: list[str]
    keys: list[str]
    notes: list[tuple[str, str]]


def parse_row(row: Any) -> Question:
    """One row of either edition; ValueError says what is wrong with it."""
    return parse(row).question


def parse(row: Any) -> ParsedRow:
    """`parse_row` with notes."""
    if not isinstance(row, Mapping):
        raise ValueError(f"expected a JSON object, found {type(row).__name__}")
    for key in ("question", "answer"):
        if row.get(key) in (None, ""):
            raise ValueError(f"no {key!r}")
    text = _text(row, "question")
    parts = _from_list(text, row["choices"]) if row.get("choices") is not None else _from_text(text)
    if not MIN_OPTIONS <= len(parts.choices) <= MAX_OPTIONS:
        raise ValueError(f"{len(parts.choices)} options, expected {MIN_OPTIONS} to {MAX_OPTIONS}")
    choices = _without_keys(parts)
    stem = _stem(parts, choices)
    blank = ["the question", *(f"option {letter}" for letter in LETTERS)]
    if "" in (texts := [stem, *choices]):
        raise ValueError(f"{blank[texts.index('')]} is blank")
    question = Question(
        id=f"epfl/{text_id(stem, *choices)}",
        stem=stem,
        choices=tuple(choices),
        gold=_gold(row["answer"], choices, parts),
        subject=_text(row, "subject"),
        rationale=_text(row, "explanation"),
    )
    return ParsedRow(question, tuple(parts.notes))


def _from_text(text: str) -> _Parts:
    """The parts of a question with its options in one text."""
    cut = cut_answer_line(lines_of(text))
    stem, options = split_lines(cut.lines)
    choices = ["\n".join(option).strip() for option in options]
    notes: list[tuple[str, str]] = []
    return _Parts(stem, _unlabelled(choices, notes, LETTERED), [cut.value] if cut.value else [], notes)


def _from_list(text: str, value: Any) -> _Parts:
    """The parts of a question with a list of choices."""
    notes: list[tuple[str, str]] = []
    choices = _unlabelled(_choices(value), notes, (*LETTERED, NUMBERS))
    cut = cut_answer_line(lines_of(text), set(map(same, choices)))
    stem = cut.lines
    try:
        shorter, options = split_lines(stem)
    except ValueError:
        options = []
    if options and [same("\n".join(option)) for option in options] == [same(choice) for choice in choices]:
        notes.append((TWICE, f"{len(options)} options"))
        stem = shorter
    elif any(OPTIONS_LINE.match(line) for line in stem):
        raise ValueError("the options in 'question' are not those of 'choices'; keep one of them")
    return _Parts(stem, choices, [cut.value] if cut.value else [], notes)


def _unlabelled(choices: list[str], notes: list[tuple[str, str]], kinds: Sequence[str]) -> list[str]:
    if (texts := without_labels(choices, kinds)) is None:
        return choices
    notes.append((LABELS, short(choices[0])))
    return texts


def _without_keys(parts: _Parts) -> list[str]:
    """The options without answer lines; what these name is added to `parts.keys`."""
    bodies = [choice.split("\n") for choice in parts.choices]
    texts = {same(_before_answer(body)) for body in bodies}
    choices = []
    for body in bodies:
        cut = cut_answer_line(body[1:], texts)
        choices.append("\n".join([body[0], *cut.lines]).strip())
        parts.keys.extend([cut.value] if cut.value else [])
        parts.notes.extend([(KEPT, short(cut.similar))] if cut.similar else [])
    whole = [choice for choice in choices if (line := answer_line(choice)) and line.strong and is_key(line.value)]
    if len(whole) == 1:
        raise ValueError(f"an option is {short(whole[0])}; remove it, or reword it")
    *others, last = [inline_key(choice) for choice in choices]
    if last and last[0] and not whole and not any(others):
        choices[-1] = last[0]
        parts.keys.extend([last[1]] if last[1] else [])
    solid = [line for line in choices[-1].split("\n") if line.strip()]
    if len(solid) > 1 and LONE_LETTER.fullmatch(solid[-1]):
        raise ValueError(f"the question ends in a line {solid[-1].strip()!r}; remove it, or write more than a letter")
    return choices


def _before_answer(body: list[str]) -> str:
    """An option's text before its first answer line."""
    end = next((index for index, line in enumerate(body) if index and answer_line(line)), len(body))
    return "\n".join(body[:end])


def _stem(parts: _Parts, choices: Sequence[str]) -> str:
    """The stem without an answer at its end; what that names is added to `parts.keys`."""
    cut = cut_answer_line(parts.stem, set(map(same, choices)))
    stem = "\n".join(cut.lines).strip()
    parts.keys.extend([cut.value] if cut.value else [])
    parts.notes.extend([(KEPT, short(cut.similar))] if cut.similar else [])
    if (inline := inline_key(stem)) and inline[0]:
        stem = inline[0].strip()
        parts.keys.extend([inline[1]] if inline[1] else [])
    return stem


def _gold(answer: Any, choices: Sequence[str], parts: _Parts) -> tuple[int, ...]:
    """The right options; ValueError where an answer line contradicts `answer`."""
    read = read_answer(answer, choices)
    gold = _with_equals(read.gold, choices)
    for key in parts.keys:
        texts = tuple(index for index, choice in enumerate(choices) if same(choice) == same(key))
        if gold not in (texts, _named(key, choices)):
            raise ValueError(f"the question says 'Answer: {key}', and 'answer' is {short(answer)}")
        parts.notes.append((ANSWER_LINE, short(f"Answer: {key}")))
    if read.is_text:
        parts.notes.append((TEXT, short(answer)))
    if read.also_text:
        parts.notes.append((ALSO_TEXT, short(answer)))
    by_text: dict[str, list[int]] = {}
    for index, choice in enumerate(choices):
        by_text.setdefault(same(choice), []).append(index)
    for indices in by_text.values():
        if len(indices) > 1:
            kind = EQUAL_RIGHT if indices[0] in gold else EQUAL_WRONG
            parts.notes.append((kind, " and ".join(LETTERS[index] for index in indices)))
    return gold


def _named(key: str, choices: Sequence[str]) -> tuple[int, ...]:
    """The options that an answer line names; none where it names a label that no option has."""
    try:
        return _with_equals(read_answer(key, choices).gold, choices)
    except ValueError:
        return ()


def _with_equals(gold: Sequence[int], choices: Sequence[str]) -> tuple[int, ...]:
    """The indices of all options with the text of one in `gold`."""
    texts = {same(choices[index]) for index in gold}
    return tuple(index for index, choice in enumerate(choices) if same(choice) in texts)


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is {type(value).__name__}, expected a string")
    return _encodable(value, repr(key)).strip()


def _choices(value: Any) -> list[str]:
    """The options of a list, of `{"A": ..., "B": ...}` or of `{"text": [...], "label": [...]}`."""
    if isinstance(value, list):
        return [_option(option) for option in value]
    if not isinstance(value, Mapping):
        raise ValueError(f"'choices' is {type(value).__name__}, expected a list of options")
    labels, texts = list(value), list(value.values())
    if set(value) == {"text", "label"} and isinstance(value["text"], list) and isinstance(value["label"], list):
        labels, texts = value["label"], value["text"]
    positions = [labels_in(str(label)) for label in labels]
    by_position = {
        position[0]: text
        for position, text in zip(positions, texts, strict=False)
        if position is not None and len(position) == 1
    }
    if not labels or len(labels) != len(texts) or sorted(by_position) != list(range(len(labels))):
        raise ValueError(f"'choices' has the labels {short(labels)}, expected A, B, C, ... or a list of options")
    return [_option(by_position[position]) for position in sorted(by_position)]


def _option(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"an option is {value}, expected a string")
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError(f"an option is {type(value).__name__}, expected a string")
    return _encodable(str(value), "an option").replace("\r\n", "\n").replace("\r", "\n").strip()


def _encodable(text: str, name: str) -> str:
    """`text`; ValueError where it holds NUL, or half of a surrogate pair, which UTF-8 cannot encode."""
    if "\0" in text:
        raise ValueError(f"{name}: character {text.index(chr(0))} is NUL; remove it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name}: character {error.start} is half of a surrogate pair") from error
    return text
