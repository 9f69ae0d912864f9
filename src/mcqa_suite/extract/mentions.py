"""Read a choice that is only mentioned: a letter in the last sentence, or the text of one option."""

from __future__ import annotations

import re
from itertools import islice

from mcqa_suite.extract.choosing import read_letter
from mcqa_suite.extract.denial import (
    CONDITIONAL_BEFORE,
    DENIED_AFTER,
    REFUSAL,
    UNCOMMITTED,
    denied,
    denied_before,
    doubtful,
)
from mcqa_suite.extract.endings import ends_as_sentence
from mcqa_suite.extract.items import LINE, MOST_LINES, is_listed, is_under_list_heading, item_at
from mcqa_suite.extract.options import ORDINALS, Options
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import FUNCTION_WORD, View

# A letter in brackets or after "option", searched in a last sentence: "..., which is (F).", "The closest is option D."
MENTION = re.compile(
    r"(?<!\w)\((?P<bracketed>[a-z])\)|\b(?:option|choice|answer|alternative|letter|opción"
    r"|opzione)s? {1,2}\(?(?P<named>[a-z])(?![\w'])"
)
# "Option 3", "The second option.", "2)", "The last option is correct."
ORDINAL_ALONE = re.compile(
    rf"[( ]{{0,3}}(?:(?:option|choice|answer|number|no\.) #?(?P<named>\d)|(?P<number>\d)(?=[.) ]{{0,3}}$)"
    rf"|(?:the )?(?P<word>{'|'.join(ORDINALS)}|last)(?: one| option| choice| answer))[.) ]{{0,3}}"
    r"(?:is (?:the )?(?:correct|right|best)(?: one| option| choice| answer)?)?[.! ]{0,3}$"
)
LETTER_AND_TEXT = re.compile(r"(?<![\w'])(?P<letter>[A-Z])(?:[).:]{1,2} | \()(?=\S)")
OUTER = (
    300  # characters at the beginning and end of a response in which a refusal is searched: "It does not have a gate"
)
MOST_LETTERS = 100  # letters followed by a text that are read


def last_mention(view: View, options: Options) -> Reading | None:
    """The only letter in a complete last sentence: "..., which is (F)."."""
    if not ends_as_sentence(view.low) or REFUSAL.search(view.low[:OUTER]) or REFUSAL.search(view.low[-OUTER:]):
        return None
    start = _last_sentence(view.low)
    positions = _mentions(view, options, start, len(view.low))
    if not positions and len(view.low) <= 800:
        return _only_option(view, options)
    if len({view.low[at] for at in positions}) != 1:
        return None
    before = _mentions(view, options, _last_sentence(view.low[:start]), start)
    if {view.low[at] for at in before} - {view.low[positions[0]]} and not CONCLUDES.search(view.low, start):
        return None  # "The first is wrong (option C). The second is not (option B)."
    if CONDITIONAL_BEFORE.search(view.low, start) or denied(view.low, positions[-1]):
        return None
    return read_letter(view, options, "last_mention", positions[-1])


CONCLUDES = re.compile(r"\b(?:so|therefore|thus|hence|then|only|leav\w{1,4}|answer|correct|right|best)\b")


def _mentions(view: View, options: Options, start: int, end: int) -> list[int]:
    """The positions of the letters that are mentioned and not ruled out."""
    positions = []
    for match in MENTION.finditer(view.low, start, end):
        at = match.start("bracketed") if match["bracketed"] else match.start("named")
        ruled_out = denied_before(view.low, match.start()) or is_listed(view, options, at)
        if options.index(view.clean[at]) >= 0 and not ruled_out and not DENIED_AFTER.match(view.low, match.end()):
            positions.append(at)
    return positions


def _only_option(view: View, options: Options) -> Reading | None:
    """The only letter that a short response names as "option X"."""
    matches = [match for match in MENTION.finditer(view.low) if match["named"]]
    if len({match["named"] for match in matches}) != 1 or options.index(matches[0]["named"]) < 0:
        return None
    at = matches[0].start("named")
    if view.clean[at].islower() or denied_before(view.low, matches[0].start()) or denied(view.low, at):
        return None
    return read_letter(view, options, "last_mention", at)


def letter_and_text(view: View, options: Options) -> Reading | None:
    """The only letter that is followed by the text of its option: "... is seen as B. London by most"."""
    positions: list[int] = []
    for match in islice(LETTER_AND_TEXT.finditer(view.clean), MOST_LETTERS):
        index = options.index(match["letter"])
        behind = view.low[match.end("letter") : match.end() + 300]
        if index >= 0 and options.follows(behind, index):
            if DENIED_AFTER.search(behind[: behind.find(". ", 2)] if ". " in behind[2:] else behind):
                return None
            positions.append(match.start())
            if len({view.clean[at] for at in positions}) > 1:
                return None
    if not positions or FUNCTION_WORD.search(view.low[-24:]) or REFUSAL.search(view.low):
        return None
    if denied_before(view.low, positions[-1]) or denied(view.low, positions[-1]):
        return None
    item = item_at(view, options, positions[-1])
    if item and item.index == 0 and is_under_list_heading(view, item):
        return None
    return read_letter(view, options, "letter_and_text", positions[-1])


def _last_sentence(low: str) -> int:
    """The start of the last sentence or line."""
    body = low.rstrip(" .!?\n")
    return max(body.rfind(". "), body.rfind("\n"), body.rfind("? "), body.rfind("! "), -1) + 1


def option_text(view: View, options: Options) -> Reading | None:
    """The only option whose text occurs in a short response, or else in the last sentence."""
    low = view.low
    last_line = view.clean[view.clean.rstrip().rfind("\n") + 1 :]
    if not ends_as_sentence(low) or "\\boxed" in low or ("\n" in low and LINE.match(last_line)):
        return None
    whole = low if len(low) <= 400 else ""
    for start, text in ((0, whole), (_last_sentence(low), low[_last_sentence(low) :][:600])):
        named = options.mentioned(text)
        if len(named) == 1:
            if start and _lists_options(view, options, start):
                return None
            index = named[0]
            option = options.choices[index].lower()  # may itself be "none of these"
            if _is_only_a_word(options, index, text):
                return None
            refused = REFUSAL.search(low) and not REFUSAL.search(option)
            if refused:
                return None
            if (UNCOMMITTED.search(text) and not UNCOMMITTED.search(option)) or doubtful(text):
                continue
            return Reading(options.labels[index], "answered", "option_text", start, min(len(low), start + len(text)))
        if len(named) > 1 and start:
            return Reading(None, "several", "option_text", start, len(low))
    return None


def _lists_options(view: View, options: Options, start: int) -> bool:
    """Whether the sentence at `start` is the last of a list of options: "A. Paris is nice. B. London is large."."""
    letters = [
        match
        for match in islice(LETTER_AND_TEXT.finditer(view.clean), MOST_LETTERS)
        if (index := options.index(match["letter"])) >= 0
        and options.follows(view.low[match.end("letter") : match.end() + 300], index)
    ]
    return len({match["letter"] for match in letters}) > 1 and letters[-1].end() >= start


def _is_only_a_word(options: Options, index: int, text: str) -> bool:
    """Whether the text of a short option is only a word of a sentence: "No one knows"."""
    option = options.choices[index].lower()
    return len(option) < 4 and option.isalpha() and not re.search(rf"\b{re.escape(option)}(?=[.,;:!\n]|$)", text)


def leading_text(view: View, options: Options) -> Reading | None:
    """The option whose text begins a response as a clause of its own: "Yes, because ...", "London. It lies ..."."""
    if not view.begins or item_at(view, options, len(view.clean) - len(view.clean.lstrip(" (["))):
        return None
    named, end, ends = options.at_start(view.low[:400])
    if len(named) != 1 or not ends or view.low[end:].lstrip(" ")[:1] not in ("", ".", ",", ":", ";", "!", "\n"):
        return None
    last = view.low[_last_sentence(view.low) :][:600]
    others = {index for index in options.mentioned(last) if not _is_only_a_word(options, index, last)} - {named[0]}
    starts = (options.at_start(line[:400])[0] for line in view.low[end:].split("\n", MOST_LINES)[1:])
    if others or any(start and named[0] not in start for start in starts):
        return None
    return Reading(options.labels[named[0]], "answered", "leading_text", 0, end)


def ordinal_alone(view: View, options: Options) -> Reading | None:
    """The choice of a short response that only gives a position: "The second option.", "2"."""
    match = ORDINAL_ALONE.match(view.low) if len(view.low) < 80 else None
    if match is None:
        return None
    index = options.ordinal(match["word"], match["named"] or match["number"])
    return None if index is None else Reading(options.labels[index], "answered", "ordinal_alone", 0, match.end())
