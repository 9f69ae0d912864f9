"""The choice that a phrase announces, by LETTER_RULES; the last announcement decides."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from mcqa_suite.extract.choosing import read_choice
from mcqa_suite.extract.denial import (
    CONDITIONAL_AFTER,
    CONDITIONAL_BEFORE,
    CONTRAST,
    NOT,
    NOT_ABROAD,
    NOT_ENGLISH,
    UNCOMMITTED,
    denied_before,
)
from mcqa_suite.extract.endings import ends_as_sentence
from mcqa_suite.extract.letter_rules import LETTER_RULES
from mcqa_suite.extract.options import Options
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.rules import Rule, last_announced
from mcqa_suite.extract.text import View

# Rules whose phrase may contain a denial: "I would not choose", "La respuesta no es", "ответ не"
NEGATED_INSIDE = ("i_choose", "choose", "answer_abroad", "answer_chinese", "answer_other_scripts")
STRONG = tuple(rule for rule in LETTER_RULES if not rule.weak)
WEAK = tuple(rule for rule in LETTER_RULES if rule.weak)
CORRECTED = re.compile(
    r"\b(?:wait|actually|instead|reflection|second thoughts?|mistake|correction|reconsider\w{0,3}|rather|oops|no,)"
)
# "the answer that fits is closest to is: B": a later verb or colon of the same sentence
AGAIN = re.compile(r"(?:[^.?!\n:]|\.(?=\w)){0,80}?(?: (?:is|be|are)(?= )|:)")
# What must precede a lower-case letter: "(c) is right", "option c is right", or the start of a line
LOWER_START = re.compile(r"(?:[(\[]|option |choice |answer |(?:^|\n) {0,3})$")
# "the wrong answer is B", "each choice:", "my second choice is B"
OTHER_ANSWER = re.compile(
    r"\b(?:each|every|wrong|incorrect|false|other|second|alternative|possible|remaining|falsche?r?|mauvaise|incorrecta"
    r"|sbagliata|неправильн\w{2}|неверн\w{2})(?: (?!the |my )\w{1,12})? $|(?:错误|錯誤)的?$"
    # in the format "Answer: A"
    r"|\b(?:in|use|using|follow) (?:the |this )?(?:form|format|template|style)\b(?: of)?[ :']{0,4}(?:the )?$"
)
FORCED = re.compile(
    r"\bif (?:i|we) (?:had to|have to|must|were forced|was forced|am forced)\b"
)  # "If I had to guess, ..."
# "At first sight the answer is B": an answer that is not the last word
PROVISIONAL = re.compile(
    r"\b(?:at first|first glance|initially|tentatively|provisionally|so far)\b"
    r"(?!.{0,160}\b(?:but|now|however|reflection|after)\b)"
)
# "The answer to the first part is A. Now we": an answer on the way, which counts only in a complete response
INTERIM = re.compile(
    r"\b(?:first|partial|intermediate|previous|initial|preliminary) answer"
    r"|\banswers? (?:to|for|of|in|from) (?:the |this )?(?:first|second|third|other|part|step|case|sub\w{0,9})\b"
)
# "The correct answer is none of the above.", where no option says so
NONE_HERE = re.compile(
    r"[\s:]{0,3}(?:none of|neither of|not (?:listed|given|provided|among|included|one of|an option)\b)"
)
HARDLY = re.compile(r"\b(?:hardly|scarcely|barely|unlikely)\b")  # "B is hardly the right answer"
# "A, B, C, or ": other letters before a letter
IN_A_LIST = re.compile(
    r"(?<![\w'])[a-z][)\]]?(?P<link>,?) {0,2}(?:(?:,|/|&|or|and|nor) {1,2})?(?:option |choice )?[(\[]?$"
)
NONE_OF = re.compile(r"\b(?:none of|neither|not|nor|,)\b[^.\n]{0,40}$")


def announced(view: View, options: Options) -> Reading | None:
    """The last choice that a strong rule announces, or a weak rule after a correction ("Wait, ...")."""
    last = last_announced(view, STRONG, partial(_read, view, options))
    if last and (last.status == "refused" or CORRECTED.search(view.low, last.end)):
        return hinted(view, options, last)
    return last


def hinted(view: View, options: Options, last: Reading | None = None) -> Reading | None:
    """The last choice that a weak rule announces after `last`."""
    return last_announced(view, WEAK, partial(_read, view, options), last)


def _read(view: View, options: Options, rule: Rule, match: re.Match[str]) -> Reading | None:
    return (_after if rule.side == "after" else _before)(view, options, rule, match)


def _before(view: View, options: Options, rule: Rule, match: re.Match[str]) -> Reading | None:
    """The choice after an announcement such as "the answer is"."""
    between = match.groupdict().get("between") or ""
    if INTERIM.search(view.low, max(0, match.start() - 16), match.end()) and not ends_as_sentence(view.low):
        return None
    if OTHER_ANSWER.search(view.low, max(0, match.start() - 30), match.start()):
        return None
    if UNCOMMITTED.search(between) or "format" in between or _hypothetical(view.low, match.start(), between):
        return None
    if between.strip() and (match.group().endswith("\n") or len(between.strip(" ()[]'")) == 1):
        return None  # "... this answer)" at the end of a line; "option E: ...", which does not announce a choice
    at = match.end()
    none = NONE_HERE.match(view.low, at) if rule.name == "answer_is" else None
    if none and not options.at_start(view.low[at : at + 400].lstrip(" :\n"))[0]:
        return Reading(None, "refused", rule.name, at, none.end())
    if rule.name in NEGATED_INSIDE and NOT.search(view.low, max(0, match.start() - 1), at):
        return _contrasted(view, options, rule, at)
    for _ in range(3):
        reading = read_choice(view, options, rule, at)
        if reading is not None:
            return reading
        if (NOT_ABROAD if rule.name == "answer_abroad" else NOT_ENGLISH).match(view.low, at):
            return _contrasted(view, options, rule, at)
        again = AGAIN.match(view.low, at)
        if again is None or rule.strict or rule.name in ("boxed", "tag"):
            return None
        if UNCOMMITTED.search(view.low, at, again.end()):
            return None
        rule = replace(rule, strict=True)
        at = again.end()
    return None


def _contrasted(view: View, options: Options, rule: Rule, at: int) -> Reading | None:
    """The choice after the "but" of a denial: "not B but C", "n'est pas la A mais la B"."""
    but = CONTRAST.match(view.low, at)
    return None if but is None else read_choice(view, options, replace(rule, strict=True), but.end())


def _hypothetical(low: str, start: int, between: str) -> bool:
    """Whether the announcement is under a condition, or only a first one: "If it were 1940, the answer would be ..."."""
    sentence = low[max(0, start - 160) : start]
    sentence = sentence[max(sentence.rfind(". "), sentence.rfind("\n"), sentence.rfind("? ")) + 1 :]
    if PROVISIONAL.search(sentence):
        return True
    if not CONDITIONAL_BEFORE.search(FORCED.sub("", sentence)):
        return False
    return "would" in between or "could" in between or "otherwise" in low or " if not" in low or "then" not in sentence


def _after(view: View, options: Options, rule: Rule, match: re.Match[str]) -> Reading | None:
    """The letter before a phrase such as "is the correct answer"."""
    at = match.start("letter")
    letter = view.clean[at]
    index = options.index(letter)
    before = view.low[max(0, at - 60) : at]
    if PROVISIONAL.search(before):
        return None
    if index < 0 or (letter.islower() and not LOWER_START.search(before)) or denied_before(view.low, at):
        return None
    if letter in "ai" and not before.endswith("("):
        return None
    listed = IN_A_LIST.search(view.low, max(0, at - 16), at)
    if listed and listed["link"] == "," and match.group().startswith(f"{letter.lower()} is"):
        listed = NONE_OF.search(before)  # "Between C and D, C is the better choice."
    if listed or HARDLY.search(match.group()) or CONDITIONAL_AFTER.match(view.low, match.end()):
        return None
    return Reading(options.labels[index], "answered", rule.name, at, at + 1)
