"""Read the choice at one position of a response: a letter, an option's text or an ordinal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcqa_suite.extract.denial import denied_after
from mcqa_suite.extract.letter_rules import LetterRule
from mcqa_suite.extract.letter_signs import AFTER_WORD, CONDITIONAL_AFTER, DENIED_AFTER, SECOND, SECOND_FAR, WORD
from mcqa_suite.extract.options import option_starting_with, options_at_start
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.text import View

# What may stand between an announcement and its choice: "is: (", "is option ", "is the letter '"
OPENING = re.compile(
    r"[\s(\[{<:'.,>=-]{0,12}"
    r"(?:(?:therefore|thus|then|definitely|certainly|clearly|likely|most|probably|simply|just|indeed|actually|still|obviously"
    r"|hence|again|only|almost|to|be|must|should|as|follows|the|correct|best|final|following)\b[\s,:]{1,4}){0,3}"
    r"(?:(?:option|choice|letter|answer|alternative|number|no|opción|opzione|option[e]?|buchstabe|lettre|letra|lettera|选项|選項)"
    r"\b[\s.:#]{0,3})?[\s(\[{<:'>\\]{0,6}(?:boxed\{[\s(\[{]{0,3}|boxed\{boxed\{)?"
)
SIGN = re.compile(r"[:=>]")
PARTIAL_TEXT = ("boxed", "tag", "answer_is")  # rules after which a part of an option's text is enough
CLAUSE = re.compile(r"[^.;\n]{3,200}(?=[.;]\s|[.;]?$|[.;]?\n)")
LETTER_HERE = re.compile(rf"(?P<letter>[a-z])(?![{WORD}]|'\w|[-+#&^]\w| {{0,2}}=|\()")
# What must follow a lower-case letter without brackets: "c.", "c because"
LOWER_END = re.compile(r" {0,2}(?:$|[.,;:!?\n)\]}|]|because|since)")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
# "the second option", "the last one", "option 3", "2."
ORDINAL = re.compile(
    rf"(?:the )?(?:(?P<word>{'|'.join(ORDINALS)}|last)(?: (?:one|option|choice|answer|statement))?|(?P<number>\d{{1,2}}))"
    r"[)\]}' ]{0,3}(?=$|[.,;:!?\n])"
)
# What follows a letter that is the whole answer: "C.", "(C)", "C, because"
ENDS_THERE = re.compile(
    r"[)\]}']{0,2} {0,2}(?:$|[\n.;!](?!\w)|\((?=\w{2})|,? (?:because|since|as it|which is|here|it is)\b)"
)

ChoiceReading = Reading[int]  # the index of an option


@dataclass(frozen=True)
class Options:
    """The texts and labels of the options."""

    choices: tuple[str, ...]
    labels: str

    def index(self, letter: str) -> int:
        """The index of a label, upper or lower case; -1 for a letter that is not a label."""
        return self.labels.upper().find(letter.upper())


def read_choice(view: View, options: Options, rule: LetterRule, at: int) -> ChoiceReading | None:
    """The choice that begins at `at`: a letter, an option's text or an ordinal; None where there is none."""
    if rule.strict and view.low[at : at + 1] in (".", "!", "?"):
        return None
    start, opening = at, OPENING.match(view.low, at)
    at = opening.end() if opening else at
    match = LETTER_HERE.match(view.low, at)
    if match is not None and _is_letter(view, at, rule):
        return read_letter(view, options, rule.name, at)
    if rule.strict or (rule.name == "choice_is" and not SIGN.search(view.low, start - 1, at)):
        return None  # "the conclusion is materially true" is not about the options, "my choice: London" is
    window = view.low[at : at + 400]
    named, end, ends = options_at_start(window, options.choices)
    if len(named) == 1 and (ends or rule.name in ("boxed", "tag")):
        letter = LETTER_BEHIND.match(view.clean, at + end)
        if letter is not None and options.index(letter["letter"]) not in (-1, named[0]):
            return ChoiceReading(None, "conflict", rule.name, at, letter.end())
        return ChoiceReading(named[0], "answered", rule.name, at, at + end)
    clause = CLAUSE.match(view.low, at)
    begun = (
        option_starting_with(clause.group(), options.choices)
        if clause and not named and rule.name in PARTIAL_TEXT
        else None
    )
    if clause is not None and begun is not None:
        return ChoiceReading(begun, "answered", rule.name, at, clause.end())
    return _ordinal(view, options, rule, at)


def _is_letter(view: View, at: int, rule: LetterRule) -> bool:
    """Whether the character at `at` is a choice, not an article, a pronoun or a variable."""
    low, letter = view.low, view.clean[at]
    if rule.strict and not ENDS_THERE.match(low, at + 1):
        return False
    bracketed = low[at - 1 : at] in ("(", "[", "{", ">", "'") or low[at + 1 : at + 2] in (")", "]", "}", "<")
    if bracketed:
        return True
    if letter.islower():
        return bool(LOWER_END.match(low, at + 1))
    return letter not in "AI" or bool(AFTER_WORD.match(low, at + 1))


def read_letter(view: View, options: Options, rule: str, at: int) -> ChoiceReading | None:
    """The choice of the letter at `at`; another letter, a denial, a condition or another option's text may follow it."""
    low = view.low
    index = options.index(view.clean[at])
    if CONDITIONAL_AFTER.match(low, at + 1) or DENIED_AFTER.match(low, at + 1) or denied_after(low, at + 1):
        return None
    if index < 0:
        return ChoiceReading(None, "none", rule, at, at + 1)
    if _names_a_second_letter(view, options, at) or (rule == "boxed" and BOX_BEFORE.search(low, max(0, at - 60), at)):
        return ChoiceReading(None, "several", rule, at, at + 1)
    if _conflicts(low[at + 1 : at + 400], options, index):
        return ChoiceReading(None, "conflict", rule, at, at + 1)
    return ChoiceReading(index, "answered", rule, at, at + 1)


# "A, B is wrong": the second letter starts a clause
VERB = re.compile(r" (?:is|are|was|has|have|does|lies|would|can)\b")
# "\boxed{A} or \boxed{B}": a box right before a box
BOX_BEFORE = re.compile(
    r"(?:boxed|fbox) ?\{[^{}]{1,24}\}[^\w{}]{0,6}(?:or|and|,)[^\w{}]{0,6}\\(?:boxed|fbox)[\s{(]{1,9}$"
)


def _names_a_second_letter(view: View, options: Options, at: int) -> bool:
    """Whether another letter directly follows: "B, D", "A or B", "A/B"."""
    match = SECOND.match(view.clean, at + 1)
    if match is not None:
        letter, end = match["letter"], match.end()
        named = options.index(letter) >= 0 and letter.upper() != view.clean[at].upper()
        upper = letter.isupper() and (letter not in "AI" or AFTER_WORD.match(view.low, end))
        denied = DENIED_AFTER.match(view.low, end) or VERB.match(view.low, end)
        if named and not denied and (match["close"] or upper):
            return True
    far = SECOND_FAR.search(view.clean, at + 1, at + 240) if view.clean[at + 1 : at + 2] in (".", ")") else None
    if far is None or options.index(far["letter"]) < 0 or far["letter"] == view.clean[at]:
        return False
    return starts_with_option(view.low[far.end("letter") : far.end() + 300], options, options.index(far["letter"]))


# "London (C)", "London, option C": the letter after an option's text
LETTER_BEHIND = re.compile(r"[.\s]{0,2}(?:\(|, option |, )\(?(?P<letter>[A-Z])[).\s]")
CONNECTOR = re.compile(
    r"[)\]}.,:;']{0,3}(?: - | )?(?:which is |that is |i\.e\.,? |namely |meaning |is |= ?)?[(\[' ]{0,3}"
)


def _conflicts(behind: str, options: Options, index: int) -> bool:
    """Whether the clause after a letter is the text of another option."""
    link = CONNECTOR.match(behind)
    if link is None or link.end() == 0 or behind[link.end() : link.end() + 1] in ("", "\n"):
        return False
    named, _, ends = options_at_start(behind[link.end() :], options.choices)
    return bool(named) and index not in named and ends


def starts_with_option(behind: str, options: Options, index: int) -> bool:
    """Whether the text after a letter begins with the text of the option."""
    link = CONNECTOR.match(behind)
    return link is not None and index in options_at_start(behind[link.end() :], options.choices)[0]


def _ordinal(view: View, options: Options, rule: LetterRule, at: int) -> ChoiceReading | None:
    """A choice by its position: "the last one", "option 3"; a bare number only where no option has a digit."""
    match = ORDINAL.match(view.low, at)
    index = ordinal_index(match["word"], match["number"], options) if match else None
    return None if match is None or index is None else ChoiceReading(index, "answered", rule.name, at, match.end())


def ordinal_index(word: str | None, number: str | None, options: Options) -> int | None:
    """The index of an ordinal word or of a number counted from 1; None where there is no such option."""
    if number:
        if any(any(char.isdigit() for char in choice) for choice in options.choices):
            return None
        index = int(number) - 1
    else:
        index = len(options.choices) - 1 if word == "last" else ORDINALS.index(word or "")
    return index if 0 <= index < len(options.choices) else None
