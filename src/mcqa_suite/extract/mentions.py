"""The choice that a response only mentions: a letter in its last sentence, or the text of one option."""

from __future__ import annotations

import re
from itertools import islice

from mcqa_suite.extract.choosing import ORDINALS, Found, Options, judged, own_text, place
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
from mcqa_suite.extract.options import named_in
from mcqa_suite.extract.text import FUNCTION_WORD, View

# "Option 3", "The second option.", "2)", "The last option is correct."
ORDINAL_ALONE = re.compile(
    rf"[( ]{{0,3}}(?:(?:option|choice|answer|number|no\.) #?(?P<named>\d)|(?P<number>\d)(?=[.) ]{{0,3}}$)"
    rf"|(?:the )?(?P<word>{'|'.join(ORDINALS)}|last)(?: one| option| choice| answer))[.) ]{{0,3}}"
    r"(?:is (?:the )?(?:correct|right|best)(?: one| option| choice| answer)?)?[.! ]{0,3}$"
)
LETTER_AND_TEXT = re.compile(r"(?<![\w'])(?P<letter>[A-Z])(?:[).:]{1,2} | \()(?=\S)")
MOST_LETTERS = 100  # letters with a text behind them that are looked at: more are a list


def finished(low: str) -> bool:
    """Whether the text ends as a sentence, or is too short to have been cut off."""
    body = low.rstrip()
    if FUNCTION_WORD.search(body[-24:]):
        return False
    return len(body) < 60 or body[-1:] in ".!?)]}:" or ("\n" not in body[-200:] and len(body) < 120)


def last_mention(seen: View, options: Options) -> Found | None:
    """The one letter of a finished last sentence: "..., which is (F)."."""
    if not finished(seen.low) or REFUSAL.search(seen.low):
        return None
    start = _last_sentence(seen.low)
    found: list[int] = []
    for match in MENTION.finditer(seen.low, start):
        at = match.start("bracketed") if match["bracketed"] else match.start("named")
        ruled_out = DENIED_BEFORE.search(seen.low, max(0, match.start() - 60), match.start())
        if options.index(seen.clean[at]) >= 0 and not ruled_out and not DENIED_AFTER.match(seen.low, match.end()):
            found.append(at)
    if not found and len(seen.low) <= 800:
        return _only_option(seen, options)
    if len({seen.low[at] for at in found}) != 1:
        return None
    if CONDITIONAL_BEFORE.search(seen.low, start) or denied(seen.low, found[-1]):
        return None
    return judged(seen, options, "last_mention", found[-1])


def _only_option(seen: View, options: Options) -> Found | None:
    """The one letter that a short response names as "option X"."""
    found = [match for match in MENTION.finditer(seen.low) if match["named"]]
    if len({match["named"] for match in found}) != 1 or options.index(found[0]["named"]) < 0:
        return None
    at = found[0].start("named")
    if DENIED_BEFORE.search(seen.low, max(0, found[0].start() - 60), found[0].start()) or seen.clean[at].islower():
        return None
    if denied(seen.low, at):
        return None
    return judged(seen, options, "last_mention", at)


def letter_and_text(seen: View, options: Options) -> Found | None:
    """The one letter that stands anywhere with the text of its option: "... is seen as B. London by most"."""
    found: list[int] = []
    for match in islice(LETTER_AND_TEXT.finditer(seen.clean), MOST_LETTERS):
        index = options.index(match["letter"])
        behind = seen.low[match.end("letter") : match.end() + 300]
        if index >= 0 and own_text(behind, options, index):
            if DENIED_AFTER.search(behind[: behind.find(". ", 2)] if ". " in behind[2:] else behind):
                return None
            found.append(match.start())
            if len({seen.clean[at] for at in found}) > 1:
                return None
    if not found or FUNCTION_WORD.search(seen.low[-24:]) or REFUSAL.search(seen.low):
        return None
    if DENIED_BEFORE.search(seen.low, max(0, found[-1] - 60), found[-1]) or denied(seen.low, found[-1]):
        return None
    return judged(seen, options, "letter_and_text", found[-1])


def _last_sentence(low: str) -> int:
    """Where the last sentence, or a last line, starts."""
    body = low.rstrip(" .!?\n")
    return max(body.rfind(". "), body.rfind("\n"), body.rfind("? "), body.rfind("! "), -1) + 1


def option_text(seen: View, options: Options) -> Found | None:
    """The one option whose text is named, in the whole of a short response or else in its last sentence."""
    low = seen.low
    last_line = seen.clean[seen.clean.rstrip().rfind("\n") + 1 :]
    if not finished(low) or ("\n" in low and LINE.match(last_line)):
        return None
    whole = low if len(low) <= 400 else ""
    for start, text in ((0, whole), (_last_sentence(low), low[_last_sentence(low) :][:600])):
        named = named_in(text, options.choices) if text else {}
        if len(named) == 1:
            index = next(iter(named))
            if REFUSAL.search(low) and not REFUSAL.search(options.choices[index].lower()):
                return None
            if UNCOMMITTED.search(text) and not UNCOMMITTED.search(options.choices[index].lower()):
                return None
            if doubtful(text):
                return None
            return Found(index, "answered", "option_text", start, min(len(low), start + len(text)))
        if len(named) > 1 and start:
            return Found(None, "several", "option_text", start, len(low))
    return None


def ordinal_alone(seen: View, options: Options) -> Found | None:
    """A short response that is nothing but the place of an option: "The second option.", "2"."""
    match = ORDINAL_ALONE.match(seen.low) if len(seen.low) < 80 else None
    if match is None:
        return None
    index = place(match["word"], match["named"] or match["number"], options)
    return None if index is None else Found(index, "answered", "ordinal_alone", 0, match.end())
