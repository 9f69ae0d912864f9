"""Read a choice that is only mentioned: a letter in the last sentence, or the text of one option."""

from __future__ import annotations

import re
from itertools import islice

from mcqa_suite.extract.choosing import ORDINALS, ChoiceReading, Options, ordinal_index, read_letter, starts_with_option
from mcqa_suite.extract.denial import denied, doubtful
from mcqa_suite.extract.letter_signs import (
    CONDITIONAL_BEFORE,
    DENIED_AFTER,
    DENIED_BEFORE,
    MENTION,
    REFUSAL,
    UNCOMMITTED,
)
from mcqa_suite.extract.lines import LINE
from mcqa_suite.extract.options import options_mentioned
from mcqa_suite.extract.text import FUNCTION_WORD, View

# "Option 3", "The second option.", "2)", "The last option is correct."
ORDINAL_ALONE = re.compile(
    rf"[( ]{{0,3}}(?:(?:option|choice|answer|number|no\.) #?(?P<named>\d)|(?P<number>\d)(?=[.) ]{{0,3}}$)"
    rf"|(?:the )?(?P<word>{'|'.join(ORDINALS)}|last)(?: one| option| choice| answer))[.) ]{{0,3}}"
    r"(?:is (?:the )?(?:correct|right|best)(?: one| option| choice| answer)?)?[.! ]{0,3}$"
)
LETTER_AND_TEXT = re.compile(r"(?<![\w'])(?P<letter>[A-Z])(?:[).:]{1,2} | \()(?=\S)")
MOST_LETTERS = 100  # letters followed by a text that are read


def ends_as_sentence(low: str) -> bool:
    """Whether the text ends as a sentence, or is too short to have been cut off."""
    body = low.rstrip()
    if FUNCTION_WORD.search(body[-24:]):
        return False
    return len(body) < 60 or body[-1:] in ".!?)]}:" or ("\n" not in body[-200:] and len(body) < 120)


def last_mention(view: View, options: Options) -> ChoiceReading | None:
    """The only letter in a complete last sentence: "..., which is (F)."."""
    if not ends_as_sentence(view.low) or REFUSAL.search(view.low):
        return None
    start = _last_sentence(view.low)
    positions: list[int] = []
    for match in MENTION.finditer(view.low, start):
        at = match.start("bracketed") if match["bracketed"] else match.start("named")
        ruled_out = DENIED_BEFORE.search(view.low, max(0, match.start() - 60), match.start())
        if options.index(view.clean[at]) >= 0 and not ruled_out and not DENIED_AFTER.match(view.low, match.end()):
            positions.append(at)
    if not positions and len(view.low) <= 800:
        return _only_option(view, options)
    if len({view.low[at] for at in positions}) != 1:
        return None
    if CONDITIONAL_BEFORE.search(view.low, start) or denied(view.low, positions[-1]):
        return None
    return read_letter(view, options, "last_mention", positions[-1])


def _only_option(view: View, options: Options) -> ChoiceReading | None:
    """The only letter that a short response names as "option X"."""
    matches = [match for match in MENTION.finditer(view.low) if match["named"]]
    if len({match["named"] for match in matches}) != 1 or options.index(matches[0]["named"]) < 0:
        return None
    at = matches[0].start("named")
    if DENIED_BEFORE.search(view.low, max(0, matches[0].start() - 60), matches[0].start()) or view.clean[at].islower():
        return None
    if denied(view.low, at):
        return None
    return read_letter(view, options, "last_mention", at)


def letter_and_text(view: View, options: Options) -> ChoiceReading | None:
    """The only letter that is followed by the text of its option: "... is seen as B. London by most"."""
    positions: list[int] = []
    for match in islice(LETTER_AND_TEXT.finditer(view.clean), MOST_LETTERS):
        index = options.index(match["letter"])
        behind = view.low[match.end("letter") : match.end() + 300]
        if index >= 0 and starts_with_option(behind, options, index):
            if DENIED_AFTER.search(behind[: behind.find(". ", 2)] if ". " in behind[2:] else behind):
                return None
            positions.append(match.start())
            if len({view.clean[at] for at in positions}) > 1:
                return None
    if not positions or FUNCTION_WORD.search(view.low[-24:]) or REFUSAL.search(view.low):
        return None
    if DENIED_BEFORE.search(view.low, max(0, positions[-1] - 60), positions[-1]) or denied(view.low, positions[-1]):
        return None
    return read_letter(view, options, "letter_and_text", positions[-1])


def _last_sentence(low: str) -> int:
    """The start of the last sentence or line."""
    body = low.rstrip(" .!?\n")
    return max(body.rfind(". "), body.rfind("\n"), body.rfind("? "), body.rfind("! "), -1) + 1


def option_text(view: View, options: Options) -> ChoiceReading | None:
    """The only option whose text occurs in a short response, or else in the last sentence."""
    low = view.low
    last_line = view.clean[view.clean.rstrip().rfind("\n") + 1 :]
    if not ends_as_sentence(low) or ("\n" in low and LINE.match(last_line)):
        return None
    whole = low if len(low) <= 400 else ""
    for start, text in ((0, whole), (_last_sentence(low), low[_last_sentence(low) :][:600])):
        named = options_mentioned(text, options.choices) if text else {}
        if len(named) == 1:
            index = next(iter(named))
            if REFUSAL.search(low) and not REFUSAL.search(options.choices[index].lower()):
                return None
            if UNCOMMITTED.search(text) and not UNCOMMITTED.search(options.choices[index].lower()):
                return None
            if doubtful(text):
                return None
            return ChoiceReading(index, "answered", "option_text", start, min(len(low), start + len(text)))
        if len(named) > 1 and start:
            return ChoiceReading(None, "several", "option_text", start, len(low))
    return None


def ordinal_alone(view: View, options: Options) -> ChoiceReading | None:
    """The choice of a short response that only gives a position: "The second option.", "2"."""
    match = ORDINAL_ALONE.match(view.low) if len(view.low) < 80 else None
    if match is None:
        return None
    index = ordinal_index(match["word"], match["named"] or match["number"], options)
    return None if index is None else ChoiceReading(index, "answered", "ordinal_alone", 0, match.end())
