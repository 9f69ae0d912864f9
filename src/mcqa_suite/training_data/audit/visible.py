"""What a reader sees of a text: without tags, entities, invisible characters, look-alike letters and words cut at line ends."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

# What most texts have none of: characters that are not printable ASCII, tags, entities, and a hyphen at the end of a line.
UNUSUAL = re.compile(r"[^\n\t -~]|<[/!a-zA-Z]|&[#a-zA-Z]|-[ \t]*\n")
UNUSUAL_CHARACTER = re.compile(r"[^\r\n\t -~]")
# Tags by name, with attributes only as name=value, so that "a<b and c>d" stays
BLOCKS = (
    "address|article|aside|blockquote|br|dd|div|dl|dt|figure|footer|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|table|tbody"
    "|td|tfoot|th|thead|tr|ul"
)
INLINE = (
    "a|abbr|b|big|bdi|bdo|cite|code|del|dfn|em|font|i|img|ins|kbd|label|mark|q|ruby|rt|s|samp|small|span|strike|strong|sub|sup"
    "|tt|u|var|wbr"
)
ATTRIBUTES = r"(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s<>\"']+))*\s*/?>"
BLOCK_TAG = re.compile(rf"</?(?:{BLOCKS}){ATTRIBUTES}", re.IGNORECASE)
INLINE_TAG = re.compile(rf"<!--[^<]*?-->|</?(?:{INLINE}){ATTRIBUTES}", re.IGNORECASE)
MOST_ESCAPES = 3  # "&amp;amp;nbsp;": entities in entities
MARK = re.compile(
    # Marks of letters (accents, strokes) and of the shape of a character; U+0338 makes another sign of "=", not of a letter.
    "[\u0300-\u0337\u0339-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
    r"|(?<=[^\W_])" + "\u0338"
)
FILLERS = "\u115f\u1160\u3164\u2800"  # letters and a symbol that are blank
SOFT_HYPHEN_AT_END = re.compile("\u00ad(?=[ \t]*\r?\n)")
CUT_WORD = re.compile(r"(?<=[^\W\d_]{2})-[ \t]*\r?\n[ \t]*(?=[^\W\d_]{2})")
PART = r"(?:[^\W\d_]|-[ \t]*\r?\n[ \t]*)*"  # of a word, which may be cut more than once
BEFORE, BEHIND = re.compile(f"{PART}$"), re.compile(PART)
LONGEST_PART = 40  # characters of a word before and behind its hyphen
LEFT_TO_RIGHT = "\u200e"  # what the table writes around letters of scripts from right to left


def visible(text: str, is_word: Callable[[str], bool] = lambda word: True) -> str:
    """The text that a reader sees, in plain letters where letters only look different.

    A word that is cut at the end of a line is joined where `is_word` says that the joined one is a word; else it keeps its
    hyphen.
    """
    if not UNUSUAL.search(text):
        return text
    text = _without_markup(text)
    if UNUSUAL_CHARACTER.search(text):
        text = SOFT_HYPHEN_AT_END.sub("-", text)
        text = MARK.sub("", unicodedata.normalize("NFKD", "".join(map(_shown, text))))
        text = unicodedata.normalize("NFC", "".join(map(_shown, text)))
    return CUT_WORD.sub(lambda cut: "" if is_word(_joined(cut)) else "-", text)


def _joined(cut: re.Match[str]) -> str:
    """The word around a hyphen, without any."""
    before = BEFORE.search(cut.string[max(0, cut.start() - LONGEST_PART) : cut.start()])
    behind = BEHIND.match(cut.string[cut.end() : cut.end() + LONGEST_PART])
    return "".join(filter(str.isalpha, "".join(match[0] for match in (before, behind) if match)))


def _without_markup(text: str) -> str:
    for _ in range(MOST_ESCAPES):
        if "&" not in text or (plain := html.unescape(text)) == text:
            break
        text = plain
    return INLINE_TAG.sub("", BLOCK_TAG.sub("\n", text)) if "<" in text else text


@lru_cache(maxsize=1 << 16)
def _shown(character: str) -> str:
    """A character as a reader sees it: nothing for an invisible one, the plain letter for one that looks like it."""
    if character.isascii() and (character.isprintable() or character.isspace()):
        return character
    if character in FILLERS or (unicodedata.category(character) in ("Cf", "Cc") and not character.isspace()):
        return ""
    return _look_alikes().get(character, character)


@cache
def _look_alikes() -> dict[str, str]:
    """Letters and digits that look like ASCII ones, and marks that look like an apostrophe (Unicode TR 39, confusables.txt)."""
    from confusable_homoglyphs.confusables import confusables_data

    table = {}
    for key, others in confusables_data.items():
        character = key.strip(LEFT_TO_RIGHT)
        plain = next((other["c"] for other in others if other["c"].isascii()), "")
        letters = character.isalnum() and plain.isalnum()
        if len(character) == 1 and not character.isascii() and (letters or (plain and not plain.strip("'"))):
            table[character] = plain.replace("rn", "m").replace("l", "I" if character.isupper() else "l")
    return table
