"""Find the options whose text occurs in a response."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from mcqa_suite.extract.text import CLEAN, LATEX_WRAP

# "12.5 km/h" -> 12.5, km, /, h; a number is one token, so that 8 does not match in 18 or 0.8
TOKEN = re.compile(r"\d+(?:[.,]\d+){0,8}|\.\d+|[^\W\d]+|[^\w\s]")
IGNORED = frozenset(".,;:!?'()[]{}\\|<>#&")  # options do not differ in these
ARTICLES = frozenset(("the", "a", "an"))

Tokens = tuple[str, ...]


def tokens(text: str, limit: int | None = None) -> list[tuple[str, int]]:
    """The meaningful tokens of cleaned lower-case text, at most `limit`, each with its end."""
    pairs = ((match.group(), match.end()) for match in TOKEN.finditer(text) if match.group() not in IGNORED)
    return list(islice(pairs, limit))


@lru_cache(maxsize=256)
def option_keys(choices: tuple[str, ...]) -> tuple[Tokens, ...]:
    """The tokens of each option, without a leading article."""
    return tuple(_key(choice) for choice in choices)


def _key(choice: str) -> Tokens:
    clean = choice.translate(CLEAN)
    if "\\" in clean:
        clean = LATEX_WRAP.sub(" ", clean)
    words = [token for token, _ in tokens(clean.lower()[:600])]
    return tuple(words[1:] if len(words) > 1 and words[0] in ARTICLES else words)


def options_at_start(text: str, choices: Sequence[str]) -> tuple[list[int], int, bool]:
    """The longest option that cleaned lower-case `text` begins with, its end, and whether a clause ends there.

    The list has several options only where they have the same text.
    """
    keys = option_keys(tuple(choices))
    pairs = tokens(text, max(map(len, keys)) + 1)
    if len(pairs) > 1 and pairs[0][0] in ARTICLES:
        pairs = pairs[1:]
    words = [token for token, _ in pairs]
    matching = [i for i, key in enumerate(keys) if key and words[: len(key)] == list(key)]
    if not matching:
        return [], 0, False
    length = max(len(keys[i]) for i in matching)
    end = pairs[length - 1][1]
    ends = not text[end : end + 3].strip() or text[end : end + 3].lstrip(" ")[:1] in ".,;:!?)]}|\n-("
    return [i for i in matching if len(keys[i]) == length], end, ends


def option_starting_with(clause: str, choices: Sequence[str]) -> int | None:
    """The only option whose text begins with `clause` (at least two tokens), such as "(ii) and (iv)" of "(ii) and (iv) only"."""
    words = [token for token, _ in tokens(clause, 40)]
    words = words[1:] if words and words[0] in ARTICLES else words
    matching = [i for i, key in enumerate(option_keys(tuple(choices))) if list(key[: len(words)]) == words]
    return matching[0] if len(matching) == 1 and len(words) > 1 else None


def options_mentioned(text: str, choices: Sequence[str]) -> dict[int, int]:
    """The options whose text occurs in cleaned lower-case `text`: {index: start of the last mention}.

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
    mentions.sort(key=lambda mention: (mention[0], -mention[1]))
    named: dict[int, int] = {}
    covered = -1
    for start, end, index in mentions:
        if end > covered:
            named[index], covered = start, end
    return named
