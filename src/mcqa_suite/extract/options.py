"""The options of a question, found in a response by their letter, text or position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice

from mcqa_suite.extract.text import CLEAN, LATEX_WRAP

# "12.5 km/h" -> 12.5, km, /, h; a number or a fraction is one token, so that 8 does not match in 18, 0.8 or 8/9
TOKEN = re.compile(
    r"10 ?\^ ?\{? ?(?P<power>-?\d{1,3})(?: ?\})?|[dtc]?frac ?\{ ?(?P<top>\d{1,9}) ?\} ?\{ ?(?P<bottom>\d{1,9}) ?\}"
    r"|(?P<over>\d{1,9}) ?/ ?(?P<under>\d{1,9})(?![\d.])"
    r"|(?P<number>\d+(?:[.,]\d+){0,8}|\.\d+)|[^\W\d]+|[^\w\s]"
)
# Options do not differ in these: "~ 0.53" is "about 0.53", "86^\\circ" is "86°"
IGNORED = frozenset((*".,;:!?'()[]{}\\|<>#&^~≈", "about", "approximately", "approx", "roughly"))
SYNONYMS = {
    "dfrac": "frac",
    "tfrac": "frac",
    "°": "degrees",
    "º": "degrees",
    "∘": "degrees",
    "circ": "degrees",
    "degree": "degrees",
}
SYNONYMS |= {
    "%": "percent",
    "π": "pi",
    "√": "sqrt",
    "×": "times",
    "·": "times",
    "∞": "infty",
    "≤": "leq",
    "le": "leq",
    "≥": "geq",
}
SYNONYMS |= {"x": "times", "cdot": "times"}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉", "0123456789-0123456789")
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])")
ARTICLES = frozenset(("the", "a", "an"))
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
BRACKETED = re.compile(r"\([^()]{0,200}\)")
# What may stand between a letter and its text: "B. ", "B, which is "
CONNECTOR = re.compile(
    r"[)\]}.,:;']{0,3}(?: - | )?(?:which is |that is |i\.e\.,? |namely |meaning |is |= ?)?[(\[' ]{0,3}"
)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The meaningful tokens of cleaned lower-case text."""
    text = text if text.isascii() else text.translate(SUPERSCRIPTS)
    return (match for match in TOKEN.finditer(text) if match.group() not in IGNORED)


def _plain(match: re.Match[str]) -> str:
    """A token in its plainest form: 1,500.0 is 1500, \\frac{1}{2} is 1/2, and ° is degrees."""
    token = match.group()
    if match["power"]:
        return "10" + match["power"]  # as data sets that lost their superscripts write it
    if match["number"]:
        return _plain_number(token)
    if match["top"] or match["over"]:
        return f"{match['top'] or match['over']}/{match['bottom'] or match['under']}"
    return SYNONYMS.get(token, token)


def _plain_number(token: str) -> str:
    if THOUSANDS.match(token):
        token = token.replace(",", "")
    whole, point, decimals = token.partition(".")
    return (whole or "0") + (point + decimals).rstrip("0").rstrip(".") if decimals.isdigit() else token


def _leading_tokens(text: str, limit: int | None = None) -> tuple[tuple[str, ...], list[int]]:
    """The first `limit` tokens without a leading article, and their ends."""
    matches = list(islice(_tokens(text), limit))
    if len(matches) > 1 and matches[0].group() in ARTICLES:
        del matches[0]
    return tuple(map(_plain, matches)), [match.end() for match in matches]


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
    labels: Sequence[str]

    def index(self, letter: str) -> int:
        """The index of a label, upper or lower case; -1 for a letter that is not a label."""
        return self._positions.get(letter.upper(), -1)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {label.upper(): index for index, label in enumerate(self.labels)}

    def ordinal(self, word: str | None, number: str | None) -> int | None:
        """The index of an ordinal word or of a number counted from 1; a number only where the options' texts have no digits."""
        if number:
            if not any(self.choices) or any(any(char.isdigit() for char in choice) for choice in self.choices):
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

    def begins_alike(self, text: str, index: int) -> bool:
        """Whether text before a bracket is only the beginning of the option, and of another one: "Not wrong (in both cases)"."""
        line = text.partition("\n")[0]
        start = line.find("(", 1, 80)
        if start < 0 or index in self.at_start(BRACKETED.sub("", line))[0]:
            return False
        words, _ = _leading_tokens(line[:start], 40)
        keys = option_keys(self.choices)
        alike = [i for i, key in enumerate(keys) if len(key) > len(words) and key[: len(words)] == words]
        return bool(words) and index in alike and len(alike) > 1

    def starting_with(self, clause: str) -> int | None:
        """The only option whose text begins with `clause` (at least two tokens), as "(ii) and (iv)" of "(ii) and (iv) only"."""
        words, _ = _leading_tokens(clause, 40)
        matching = [i for i, key in enumerate(option_keys(self.choices)) if key[: len(words)] == words]
        return matching[0] if len(matching) == 1 and len(words) > 1 else None

    def with_number(self, clause: str) -> int | None:
        """The only option with the number of `clause` where one of them has no unit: "18" for "18 m", "5 dollars" for "$5"."""
        words, _ = _leading_tokens(clause, 5)
        length = 2 if words[:1] == ("-",) else 1
        value, unit = words[:length], words[length:]
        keys = [(i, key[length:]) for i, key in enumerate(option_keys(self.choices)) if key[:length] == value]
        if not value or not value[-1][0].isdigit() or len(keys) != 1:
            return None
        other_unit = keys[0][1]
        units = (*unit, *other_unit)
        same = (not unit or not other_unit) and len(units) <= 3 and not any(word[0].isdigit() for word in units)
        return keys[0][0] if same else None

    def begins_text(self, rest: str) -> bool:
        """Whether cleaned lower-case text of two characters or more is only the first part of an option's text."""
        texts = [text.lstrip("\\") for text in option_texts(self.choices)]
        return len(rest) > 1 and any(text.startswith(rest) and text != rest for text in texts)

    def mentioned(self, text: str) -> list[int]:
        """The options whose text occurs in cleaned lower-case `text`, in order of the first mention.

        A mention inside a longer option's mention ("guilty" in "not guilty") does not count.
        """
        words = f" {' '.join(map(_plain, _tokens(text)))} "
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
