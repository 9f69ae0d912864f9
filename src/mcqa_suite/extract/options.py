"""The text of the options: which of them a piece of text names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from mcqa_suite.extract.text import CLEAN, LATEX_WRAP

# "12.5 km/h" -> 12.5, km, /, h: a number is one token, so that 8 is not found in 18 or 0.8
TOKEN = re.compile(r"\d+(?:[.,]\d+){0,8}|\.\d+|[^\W\d]+|[^\w\s]")
SOFT = frozenset(".,;:!?'()[]{}\\|<>#&")  # says nothing about which option is meant
ARTICLES = frozenset(("the", "a", "an"))

Tokens = tuple[str, ...]


def tokens(text: str, most: int | None = None) -> list[tuple[str, int]]:
    """The telling tokens of cleaned lower-case text, at most so many, each with its end."""
    found = ((m.group(), m.end()) for m in TOKEN.finditer(text) if m.group() not in SOFT)
    return list(islice(found, most))


@lru_cache(maxsize=256)
def option_keys(choices: tuple[str, ...]) -> tuple[Tokens, ...]:
    """The tokens of each option, without a leading article."""
    return tuple(_key(choice) for choice in choices)


def _key(choice: str) -> Tokens:
    clean = choice.translate(CLEAN)
    if "\\" in clean:
        clean = LATEX_WRAP.sub(" ", clean)
    found = [token for token, _ in tokens(clean.lower()[:600])]
    return tuple(found[1:] if len(found) > 1 and found[0] in ARTICLES else found)


def named_at(text: str, choices: Sequence[str]) -> tuple[list[int], int, bool]:
    """The options that cleaned lower-case `text` begins with: the longest, where it ends, and whether a clause ends there.

    Several only where the same text stands twice among the options.
    """
    keys = option_keys(tuple(choices))
    found = tokens(text, max(map(len, keys)) + 1)
    if len(found) > 1 and found[0][0] in ARTICLES:
        found = found[1:]
    if not found:
        return [], 0, False
    words = [token for token, _ in found]
    best: list[int] = []
    length = 0
    for index, key in enumerate(keys):
        if key and len(key) >= length and words[: len(key)] == list(key):
            best = [*best, index] if len(key) == length else [index]
            length = len(key)
    if not best:
        return [], 0, False
    end = found[length - 1][1]
    return best, end, not text[end : end + 3].strip() or text[end : end + 3].lstrip(" ")[:1] in ".,;:!?)]}|\n-("


def begun_by(clause: str, choices: Sequence[str]) -> int | None:
    """The one option whose text begins with all of `clause`, at least two tokens: "(ii) and (iv)" for "(ii) and (iv) only"."""
    words = [token for token, _ in tokens(clause, 40)]
    words = words[1:] if words and words[0] in ARTICLES else words
    found = [i for i, key in enumerate(option_keys(tuple(choices))) if list(key[: len(words)]) == words]
    return found[0] if len(found) == 1 and len(words) > 1 else None


def named_in(text: str, choices: Sequence[str]) -> dict[int, int]:
    """The options named anywhere in cleaned lower-case `text`: index -> where the last mention starts.

    A mention inside a longer option's mention ("guilty" in "not guilty") does not count.
    """
    words = " " + " ".join(token for token, _ in tokens(text)) + " "
    mentions: list[tuple[int, int, int]] = []
    for index, key in enumerate(option_keys(tuple(choices))):
        needle = " " + " ".join(key) + " "
        at = words.find(needle) if key else -1
        while at >= 0 and len(mentions) < 500:
            mentions.append((at, at + len(needle) - 1, index))
            at = words.find(needle, at + 1)
    mentions.sort(key=lambda m: (m[0], -m[1]))
    named: dict[int, int] = {}
    reach = -1
    for start, end, index in mentions:
        if end > reach:
            named[index], reach = start, end
    return named
