"""The options that an `answer` names, and answer lines such as "Answer: B" that stand in a question by mistake."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from mcqa_suite.questions.question import LETTERS

MOST_LABELS = 8  # of the options that an answer line may name
LONGEST_LABELS = 80  # characters; a longer text is not a list of labels
TOKEN = re.compile(r"[(\[]?([A-Za-z]|0|[1-9]\d?)[)\].:]{0,2}")
RUN = re.compile(r"([A-Z]{2,8}|[a-z]{2,8})\.?")  # "ABD"
WHOLE = re.compile(r"(\d+)\.0+")  # "2.0": a column of numbers that was written as decimals
OPTION = re.compile(r"^(?:option|choice)s?\s+(?=\S)", re.IGNORECASE)  # "option B"
AND = {"and", "et", "und"}
LABELLED = re.compile(r"[(\[]?([A-Za-z]|[1-9])[).:\]]{1,2}[ \t]*(?=\S)(.*)$", re.DOTALL)  # "B. 2 s"
# "Answer: B", "**Answer:** B", "(Correct answer: B)", "The answer is B.", "Answer B", "Réponse : B", "Solution: B"
ANSWER_LINE = re.compile(
    r"[ \t>*_#(\[]*(?:(?:the|your|la)[ \t]+)?(?:(?:correct|right|final|bonne)[ \t]+)?"
    r"(?:(answers?|ans|réponse)|correct (?:option|choice)|solution|key)(?:[ \t]+correcte)?"
    r"[ \t*_]*([:：=]|[-–—](?=[ \t])|(?:is|est)\b)?(?!\w)[ \t*_:]*(.*)$",
    re.IGNORECASE,
)
# The same at the end of a line: "Which? Answer: B"
INLINE = re.compile(
    r"(?:^|[\s(\[*_])(?:the[ ])?(?:(?:correct|right|final)[ ])?answer[ *_]*[:：=][ *_]*([^:：=]{0,16})$", re.IGNORECASE
)
INLINE_WINDOW = 60
# "B because ...": a label with more words
BEGINS_WITH_LABEL = re.compile(r"[(\[]?(?:[A-H]|[1-9])(?![\w'’])")


class Answer(NamedTuple):
    """Indices of the right options, and whether the answer was (or could be) an option's text instead of a label."""

    gold: tuple[int, ...]
    is_text: bool = False
    also_text: bool = False


def same(text: str) -> str:
    """`text` in the form in which options and questions are compared: blanks and composed characters make no difference."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def read_answer(answer: Any, choices: Sequence[str]) -> Answer:
    """The right options: `B`, `(B)`, `2`, 2, `ABD`, `A, B, C`, a list of these, `B. text of B`, or the whole text of an option.

    Numbers count from 1, as text and as JSON numbers. ValueError says what is allowed.
    """
    if isinstance(answer, list):
        parts = [_of_one(part, choices, answer) for part in answer]
        gold = sorted(index for part in parts for index in part.gold)
        if not gold or len(set(gold)) < len(gold):
            raise _no_answer(answer, choices)
        return Answer(tuple(gold), any(part.is_text for part in parts), any(part.also_text for part in parts))
    return _of_one(answer, choices, answer)


def _of_one(value: Any, choices: Sequence[str], answer: Any) -> Answer:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _no_answer(answer, choices)
    if not isinstance(value, str):
        if value not in range(1, len(choices) + 1):  # 2.0 is in it; 1.5, NaN and infinity are not
            raise _no_answer(answer, choices)
        value = str(int(value))
    texts = tuple(index for index, choice in enumerate(choices) if same(choice) == same(value))
    if not texts and (match := LABELLED.match(value.strip())):
        [index] = labels_in(match[1]) or [-1]
        if 0 <= index < len(choices) and same(choices[index]) == same(match[2]):
            return Answer((index,))
    labels = labels_in(value) or []
    if not labels or not all(0 <= index < len(choices) for index in labels):
        # No label: a sentence, the letters of a word such as "CO", or a letter such as "x". "E" is the label of a missing option.
        if texts and (len(labels) != 1 or (labels[0] >= MOST_LABELS and not value.strip().isdigit())):
            return Answer(texts, is_text=True)
        raise _no_answer(answer, choices)
    also_text = bool(texts) and not set(texts) & set(labels)
    if also_text and len(labels) > 1:
        first = LETTERS[texts[0]]
        raise ValueError(
            f"answer {short(answer)} may be the options {', '.join(LETTERS[index] for index in labels)} or the text of "
            f"option {first}; write '{first}', or a list of letters"
        )
    return Answer(tuple(labels), also_text=also_text)


def labels_in(text: str) -> list[int] | None:
    """The positions (from 0; -1 for the number 0) of the labels that `text` consists of; None for any other text."""
    text = (
        unicodedata.normalize("NFKC", text.strip()[: LONGEST_LABELS + 1]).replace(")(", ") (").strip(" \t\r\n*_`\"',;")
    )
    if len(text) > LONGEST_LABELS:
        return None
    text = OPTION.sub("", text, count=1)
    if whole := WHOLE.fullmatch(text):
        text = whole[1]
    tokens = [token for token in re.split(r"[\s,;/&]+", text) if token.lower() not in AND]
    if len(tokens) == 1 and (run := RUN.fullmatch(tokens[0])):
        tokens = list(run[1])
    matches = [TOKEN.fullmatch(token) for token in tokens]
    labels = [match[1].upper() for match in matches if match]
    if not labels or len(labels) < len(matches) or len(set(labels)) < len(labels):
        return None
    positions = {int(label) - 1 if label.isdigit() else LETTERS.index(label) for label in labels}
    return sorted(positions) if len(positions) == len(labels) else None


def short(value: Any) -> str:
    """A value of a row for a message."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:76]}...{text[-1]}"


def _no_answer(answer: Any, choices: Sequence[str]) -> ValueError:
    n = min(len(choices), len(LETTERS))
    allowed = f"A-{LETTERS[n - 1]} or 1-{n} (counted from 1)"
    if isinstance(answer, list):
        return ValueError(f"answer {short(answer)} does not name different options among {allowed}")
    return ValueError(f"answer {short(answer)} does not name options among {allowed}")


class AnswerLine(NamedTuple):
    """The value of an answer line: `strong` after a colon, `bare` where it is empty."""

    value: str
    strong: bool

    @property
    def bare(self) -> bool:
        return not self.value


def answer_line(line: str) -> AnswerLine | None:
    """A line that begins as "Answer: B" does, or None."""
    match = ANSWER_LINE.match(line)
    if not match:
        return None
    word, mark, value = match[1], match[2], match[3].strip(" \t*_")
    strong = mark is not None and mark in ":：="
    if value[-1:] in (")", "]") and not {"(", "["} & set(value):  # "(Answer: B)"
        value = value[:-1].rstrip(" \t*_")
    if not (strong or (word and word[:2].lower() == "an")) or (not value and not word):
        return None
    return AnswerLine(value, strong)


def is_key(value: str, texts: Collection[str] = ()) -> bool:
    """Whether the value of an answer line is a label, a label with its option, or the text of an option.

    `texts` are the options in the form of `same`.
    """
    labels = labels_in(value)
    if labels is not None and max(labels) < MOST_LABELS and not (len(labels) > 1 and value.islower()):
        return True
    match = LABELLED.match(value)
    if match and not match[2][:1].isdigit() and match[1].upper() in "ABCDEFGH12345678":
        return match[1].isupper() or same(match[2]) in texts
    return same(value) in texts


class Cut(NamedTuple):
    """Lines without the answer line at their end; `value` is what it names, `similar` a similar line that names no option."""

    lines: list[str]
    value: str | None = None
    similar: str | None = None


def cut_answer_line(lines: Sequence[str], texts: Collection[str] = ()) -> Cut:
    """Take off "Answer:" and "Answer: B" at the end of a question, an option or a whole text.

    `texts` are the options in the form of `same`. ValueError for an answer line that names an option elsewhere, and for one
    with more words behind the label.
    """
    answers = {index: answer for index, line in enumerate(lines) if (answer := answer_line(line))}
    solid = [
        index for index, line in enumerate(lines) if line.strip() and not (index in answers and answers[index].bare)
    ]
    if not solid:
        return Cut([])
    last = solid[-1]
    for index in solid[:-1]:
        if index in answers and is_key(answers[index].value, texts):
            raise ValueError(f"{short(lines[index].strip())} stands in the question before other text; remove it")
    before = solid[-2] if len(solid) > 1 else -1
    if last in answers:
        value, strong = answers[last]
        if is_key(value, texts):
            return Cut(list(lines[: before + 1]), value)
        if strong and BEGINS_WITH_LABEL.match(value):
            raise ValueError(
                f"the question ends in {short(lines[last].strip())}; remove the line, or keep the label alone"
            )
        return Cut(list(lines[: last + 1]), similar=lines[last].strip() if strong else None)
    if any(index in answers for index in range(before + 1, last)) and is_key(lines[last].strip(), texts):
        return Cut(list(lines[: before + 1]), lines[last].strip())
    return Cut(list(lines[: last + 1]))


def inline_key(text: str) -> tuple[str, str] | None:
    """`("Which?", "B")` for "Which? Answer: B"; the value is "" where nothing follows. None for a text of another form."""
    line = text[text.rfind("\n") + 1 :]
    match = INLINE.search(line, max(0, len(line) - INLINE_WINDOW))
    if not match:
        return None
    value = match[1].strip(" \t*_)]")
    rest = text[: len(text) - len(line) + match.start()].rstrip(" \t\n([*_")
    return (rest, value) if not value or (labels_in(value) is not None and is_key(value)) else None
