"""Compare `visible` texts: as words, with masked names and numbers, and by the question of a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from mcqa_suite.questions.epfl import split_question
from mcqa_suite.questions.prompts import FINAL_ANSWER_INSTRUCTION
from mcqa_suite.questions.question import text_id

WORD = re.compile(r"[^\W_]+")
# Characters in which two spellings of the same question may differ. Signs are kept: x + 1 is not x - 1, and 1.5 is not 15.
# Where possible a pattern begins with a plain character, which is ten times as fast on a data set of 100 MB.
POINT = re.compile(r"[.,](?:(?!\d)|(?<!\d[.,]))")
SPELLING = str.maketrans("‐‑‒–—―−", "-------", ";:!?'\"‘’“”`$")
# Plain letters and digits that look the same in some typefaces, in lower case (Unicode TR 39 has them too)
SHAPES = str.maketrans("i10", "llo")
# The words before and after the question of a prompt, in this project's formats and those of the harness
HEAD = re.compile(r"^[ \t]*(?:Question|Problem|Q)(?: \d+)?[ \t]*[:.][ \t]*", re.MULTILINE)
TAIL = re.compile(r"\b(?:Answer|Solution|A)[ \t]*:(?:\s*Let's think step by step\.?)?\s*$")
# The answer of a worked example or of an earlier turn; "A:" is also the label of an option, before one of B
ANSWERED = re.compile(r"^[ \t]*(?:(?:Answer|Solution)[ \t]*:|A[ \t]*:(?!.*\n[ \t]*B[ \t]*:))", re.MULTILINE)
LONGEST_TAIL = 60
COT = "\nThink step by step, then finish with "
PRONOUNS = frozenset(("he", "she", "his", "him", "her", "hers"))  # GSM-Symbolic draws them with the names
NAME, NUMBER = "xx", "0"


class PromptQuestion(NamedTuple):
    """The question in a prompt, and the options that the prompt shows."""

    stem: str
    options: tuple[str, ...]


def words(text: str) -> list[str]:
    """Lower-case words and numbers, without punctuation and white space."""
    return WORD.findall(text.lower())


def shapes(text: str) -> list[str]:
    """`words` in which characters of one shape are one: I, l and 1; O and 0; rn and m."""
    return WORD.findall(_shape(text.lower()))


def _shape(text: str) -> str:
    return text.translate(SHAPES).replace("rn", "m")


def folded(text: str) -> str:
    """Text without case, white space and the punctuation of sentences; the signs of a formula count."""
    text = text.lower().translate(SPELLING)
    if "." in text or "," in text:
        text = POINT.sub("", text)
    return "".join(text.split())


def masked(text: str) -> list[str]:
    """Words, with one word for every name and one for every number: "Mary Ann had 1,080 eggs" is "xx had 0 eggs"."""
    kinds = [_kind(word) for word in WORD.findall(text)]
    return [kind for kind, last in zip(kinds, ["", *kinds], strict=False) if kind != last or kind not in (NAME, NUMBER)]


@lru_cache(maxsize=1 << 16)
def _kind(word: str) -> str:
    if word[0].isdigit():
        return NUMBER
    return NAME if word[0].isupper() or word in PRONOUNS else word


def question_of(prompt: str) -> PromptQuestion:
    """The question of a prompt without instructions, worked examples and "Answer:"."""
    return _split(_parts(prompt)[-1])


def questions_of(prompt: str) -> list[PromptQuestion]:
    """The question of a prompt, then those of its worked examples and earlier turns."""
    *earlier, last = _parts(prompt)
    return [_split(part) for part in (last, *(ANSWERED.split(part, maxsplit=1)[0] for part in earlier))]


def _parts(prompt: str) -> list[str]:
    """The texts behind every "Question:" of a prompt; the whole text where there is none."""
    text = prompt.replace("\r", "").rpartition(FINAL_ANSWER_INSTRUCTION)[2].partition(COT)[0].rstrip()
    if tail := TAIL.search(text, max(0, len(text) - LONGEST_TAIL)):
        text = text[: tail.start()].rstrip()
    return HEAD.split(text)[1:] or [text]


def _split(text: str) -> PromptQuestion:
    text = text.rstrip()
    try:
        stem, options = split_question(text) if "\n" in text else (text, [])
    except ValueError:
        stem, options = text, []
    return PromptQuestion(stem.strip(), tuple(options) if len(options) > 1 else ())


def key_of(stem: str, options: Iterable[str] = ()) -> str:
    """A key of a question; punctuation, the order of the options and letters of one shape do not change it."""
    return text_id(_shape(folded(stem)), *sorted(_shape(folded(option)) for option in options))
