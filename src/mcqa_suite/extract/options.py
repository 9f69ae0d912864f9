"""The options of a question, found in a response by their letter, text or position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from mcqa_suite.extract.text import CLEAN, LATEX_WRAP

# "12.5 km/h" -> 12.5, km, /, h; a number is one token, so that 8 does not match in 18 or 0.8
TOKEN = re.compile(r"\d+(?:[.,]\d+){0,8}|\.\d+|[^\W\d]+|[^\w\s]")
IGNORED = frozenset(".,;:!?'()[]{}\\|<>#&")  # options do not differ in these
ARTICLES = frozenset(("the", "a", "an"))
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
# What may stand between a letter and its text: "B. ", "B, which is "
CONNECTOR = re.compile(
    r"[)\]}.,:;']{0,3}(?: - | )?(?:which is |that is |i\.e\.,? |namely |meaning |is |= ?)?[(\[' ]{0,3}"
)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The meaningful tokens of cleaned lower-case text."""
    return (match for match in TOKEN.finditer(text) if match.group() not in IGNORED)


def _leading_tokens(text: str, limit: int | None = None) -> tuple[tuple[str, ...], list[int]]:
    """The first `limit` tokens without a leading article, and their ends."""
    matches = list(islice(_tokens(text), limit))
    if len(matches) > 1 and matches[0].group() in ARTICLES:
        del matches[0]
    return tuple(match.group() for match in matches), [match.end() for match in matches]


@lru_cache(maxsize=256)
def option_keys(choices: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The tokens of each option."""
    return tuple(_leading_tokens(text)[0] for text in option_texts(choices))


@lru_cache(maxsize=256)
def option_texts(choices: tuple[str, ...]) -> tuple[str, ...]:
    """The texts of the options in cleaned lower case, their first 600 characters."""
    return tuple(LATEX_WRAP.sub(" ", choice.translate(CLEAN)).lower()[:600].strip() for choice in choices)


@dataclass(frozen=True)
class Options:
    """The texts and labels of the options."""

    choices: tuple[str, ...]
    labels: str

    def index(self, letter: str) -> int:
        """The index of a label, upper or lower case; -1 for a letter that is not a label."""
        return self.labels.upper().find(letter.upper())

    def ordinal(self, word: str | None, number: str | None) -> int | None:
        """The index of an ordinal word or of a number counted from 1; a number only where no option has a digit."""
        if number:
            if any(any(char.isdigit() for char in choice) for choice in self.choices):
                return None
            index = int(number) - 1
        else:
            index = len(self.choices) - 1 if word == "last" else ORDINALS.index(word or "")
        return index if 0 <= index < len(self.choices) else None

    def at_start(self, text: str) -> tuple[list[int], int, bool]:
        """The longest option that cleaned lower-case `text` begins with, its end, and whether a clause ends there.

        The list has several options only where they have the same text.
        """
        keys = option_keys(self.choices)
        words, word_ends = _leading_tokens(text, max(map(len, keys)) + 1)
        matching = [i for i, key in enumerate(keys) if key and words[: len(key)] == key]
        if not matching:
            return [], 0, False
        length = max(len(keys[i]) for i in matching)
        end = word_ends[length - 1]
        ends = not text[end : end + 3].strip() or text[end : end + 3].lstrip(" ")[:1] in ".,;:!?)]}|\n-("
        return [i for i in matching if len(keys[i]) == length], end, ends

    def follows(self, behind: str, index: int) -> bool:
        """Whether the text after a letter begins with the text of the option."""
        link = CONNECTOR.match(behind)
        return link is not None and index in self.at_start(behind[link.end() :])[0]

    def starting_with(self, clause: str) -> int | None:
        """The only option whose text begins with `clause` (at least two tokens), as "(ii) and (iv)" of "(ii) and (iv) only"."""
        words, _ = _leading_tokens(clause, 40)
        matching = [i for i, key in enumerate(option_keys(self.choices)) if key[: len(words)] == words]
        return matching[0] if len(matching) == 1 and len(words) > 1 else None

    def begins_text(self, rest: str) -> bool:
        """Whether cleaned lower-case text of two characters or more is only the first part of an option's text."""
        texts = [text.lstrip("\\") for text in option_texts(self.choices)]
        return len(rest) > 1 and any(text.startswith(rest) and text != rest for text in texts)

    def mentioned(self, text: str) -> list[int]:
        """The options whose text occurs in cleaned lower-case `text`, in order of the first mention.

        A mention inside a longer option's mention ("guilty" in "not guilty") does not count.
        """
        words = f" {' '.join(match.group() for match in _tokens(text))} "
        mentions: list[tuple[int, int, int]] = []
        for index, key in enumerate(option_keys(self.choices)):
            needle = f" {' '.join(key)} "
            at = words.find(needle) if key else -1
            while at >= 0 and len(mentions) < 500:
                mentions.append((at, at + len(needle) - 1, index))
                at = words.find(needle, at + 1)
        mentions.sort(key=lambda mention: (mention[0], -mention[1]))
        named: list[int] = []
        covered = -1
        for _, end, index in mentions:
            if end > covered:
                named += [] if index in named else [index]
                covered = end
        return named
