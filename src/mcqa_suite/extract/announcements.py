"""The choice that a phrase announces, by LETTER_RULES; the last announcement decides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mcqa_suite.extract.choosing import ChoiceReading, Options, read_choice
from mcqa_suite.extract.denial import CONTRAST, NOT, NOT_ABROAD, NOT_ENGLISH, denied, denied_after
from mcqa_suite.extract.letter_rules import LETTER_RULES, LetterRule
from mcqa_suite.extract.letter_signs import CONDITIONAL_AFTER, CONDITIONAL_BEFORE, DENIED_BEFORE, UNCOMMITTED
from mcqa_suite.extract.text import View, last_matches, occurs

# Rules whose phrase may contain a denial: "I would not choose", "La respuesta no es", "ответ не"
NEGATED_INSIDE = ("i_choose", "choose", "answer_abroad", "answer_chinese", "answer_other_scripts")
STRONG = tuple(rule for rule in LETTER_RULES if not rule.weak)
SHORTEST = 5  # characters of the shortest later announcement: "B, so C"
WEAK = tuple(rule for rule in LETTER_RULES if rule.weak)
CORRECTED = re.compile(
    r"\b(?:wait|actually|instead|reflection|second thoughts?|mistake|correction|reconsider\w{0,3}|rather|oops|no,)"
)
# "the answer that fits is closest to is: B": a later verb or colon of the same sentence
AGAIN = re.compile(r"(?:[^.?!\n:]|\.(?=\w)){0,80}?(?: (?:is|be|are)(?= )|:)")
# What must precede a lower-case letter: "(c) is right", "option c is right", or the start of a line
LOWER_START = re.compile(r"(?:[(\[]|option |choice |answer |(?:^|\n) {0,3})$")
HARDLY = re.compile(r"\b(?:hardly|scarcely|barely|unlikely)\b")  # "B is hardly the right answer"
# "A, B, C, or ": other letters before a letter
IN_A_LIST = re.compile(r"(?<![\w'])[a-z][)\]]?,? {0,2}(?:,|/|&|or|and|nor)? {0,2}(?:option |choice )?[(\[]?$")


def announced(view: View, options: Options) -> ChoiceReading | None:
    """The last choice that a strong rule announces, or a weak rule after a correction ("Wait, ...")."""
    last = _last_announced(view, options, STRONG, None)
    if last is None or not CORRECTED.search(view.low, last.end):
        return last
    return _last_announced(view, options, WEAK, last)


def hinted(view: View, options: Options) -> ChoiceReading | None:
    """The last choice that a weak rule announces, where no strong rule does."""
    return _last_announced(view, options, WEAK, None)


def _last_announced(
    view: View, options: Options, rules: Sequence[LetterRule], last: ChoiceReading | None
) -> ChoiceReading | None:
    low = view.low
    for rule in rules:
        start = 0 if last is None else last.start
        if start and len(low) - start < SHORTEST:
            break
        if not occurs(rule.needles, low, start):
            continue
        for match in last_matches(rule.pattern, low, start):
            reading = (
                _after(view, options, rule, match) if rule.side == "after" else _before(view, options, rule, match)
            )
            if reading is not None and not denied(low, match.start()) and not denied_after(low, reading.end):
                if last is None or reading.start > last.start:
                    last = reading
                break
    return last


def _before(view: View, options: Options, rule: LetterRule, match: re.Match[str]) -> ChoiceReading | None:
    """The choice after an announcement such as "the answer is"."""
    between = match.groupdict().get("between") or ""
    if UNCOMMITTED.search(between) or _hypothetical(view.low, match.start(), between):
        return None
    if between.strip() and (match.group().endswith("\n") or len(between.strip(" ()[]'")) == 1):
        return None  # "... this answer)" at the end of a line; "option E: ...", which does not announce a choice
    at = match.end()
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


def _contrasted(view: View, options: Options, rule: LetterRule, at: int) -> ChoiceReading | None:
    """The choice after the "but" of a denial: "not B but C", "n'est pas la A mais la B"."""
    but = CONTRAST.match(view.low, at)
    return None if but is None else read_choice(view, options, replace(rule, strict=True), but.end())


def _hypothetical(low: str, start: int, between: str) -> bool:
    """Whether the announcement is under a condition: "If it were 1940, the answer would be ..."."""
    sentence = low[max(0, start - 160) : start]
    sentence = sentence[max(sentence.rfind(". "), sentence.rfind("\n"), sentence.rfind("? ")) + 1 :]
    if not CONDITIONAL_BEFORE.search(sentence):
        return False
    return "would" in between or "could" in between or "otherwise" in low or " if not" in low or "then" not in sentence


def _after(view: View, options: Options, rule: LetterRule, match: re.Match[str]) -> ChoiceReading | None:
    """The letter before a phrase such as "is the correct answer"."""
    at = match.start("letter")
    letter = view.clean[at]
    index = options.index(letter)
    before = view.low[max(0, at - 60) : at]
    if index < 0 or (letter.islower() and not LOWER_START.search(before)) or DENIED_BEFORE.search(before):
        return None
    if HARDLY.search(match.group()):
        return None
    if letter in "ai" and not before.endswith("("):
        return None
    if IN_A_LIST.search(view.low, max(0, at - 16), at):
        return None
    if CONDITIONAL_AFTER.match(view.low, match.end()):
        return None
    return ChoiceReading(index, "answered", rule.name, at, at + 1)
