"""Read the choice at one position of a response: a letter, an option's text or an ordinal."""

from __future__ import annotations

import re
from dataclasses import replace

from mcqa_suite.extract.denial import CONDITIONAL_AFTER, DENIED_AFTER, denied_after
from mcqa_suite.extract.items import begins_list, is_under_list_heading, item_at, stands_beside
from mcqa_suite.extract.options import CONNECTOR, ORDINALS, Options
from mcqa_suite.extract.result import Reading
from mcqa_suite.extract.rules import Rule
from mcqa_suite.extract.text import WORD, View

# What may stand between an announcement and its choice: "is: (", "is option ", "is the letter '"
OPENING = re.compile(
    r"[\s(\[{<:'.,>=-]{0,12}(?:(?P<either>either) )?"
    r"(?:(?:therefore|thus|then|definitely|certainly|clearly|likely|most|probably|simply|just|indeed|actually|still|obviously"
    r"|hence|again|only|almost|to|be|must|should|as|follows|the|correct|best|final|following"
    r"|la|le|el|die|der|das|den|de|l|η|ο|το|donc|quindi|also|daher|dus|portanto|entonces)\b[\s,:']{1,4}){0,3}"
    r"(?:(?:option|choice|letter|answer|alternative|number|no(?=\.? ?\d)|opción|opzione|(?:a )?(?:opção|alternativa|letra)"
    r"|buchstabe|lettre|lettera|вариант|选项|選項|選択肢)\b[\s.:#]{0,3})?[\s(\[{<:'>\\]{0,6}(?:boxed\{[\s(\[{]{0,3}|boxed\{boxed\{)?"
)
SIGN = re.compile(r"[:=>]")
PARTIAL_TEXT = ("boxed", "tag", "answer_is")  # rules after which a part of an option's text is enough
CLAUSE = re.compile(r"(?:[^.;\n]|\.(?=\d)){1,200}(?=[.;]\s|[.;]?$|[.;]?\n)")
LETTER_HERE = re.compile(rf"(?P<letter>[a-z])(?![{WORD}]|'(?!d[iıuü]r\b)\w|[-+#&^][\w{{(\\]| {{0,2}}=|\()")
# What must follow a lower-case letter without brackets: "c.", "c because"
LOWER_END = re.compile(r" {0,2}(?:$|[.,;:!?\n)\]}|]|because|since)")
SHORT = 80  # characters of a response that is not taken for one that is cut off
# "the second option", "the last one", "option 3", "2."
ORDINAL = re.compile(
    rf"(?:the )?(?:(?P<word>{'|'.join(ORDINALS)}|last)(?: (?:one|option|choice|answer|statement))?|(?P<number>\d{{1,2}}))"
    r"(?:번|番|号)?[)\]}' ]{0,3}(?=$|[.,;:!?\n]|입니다|이다|です)"
)
# What follows a letter that is the whole answer: "C.", "(C)", "C, because"
ENDS_THERE = re.compile(
    r"[)\]}']{0,2} {0,2}(?:$|[\n.;!](?!\w)|\((?=\w{2})|,? (?:because|since|as it|which is|here"
    r"|it is|(?:and )?not|rather than|instead of)\b)|\): "
)

# "B, D", "A or B", "(A) and (C)", "A/B": a second letter directly after the first
SECOND = re.compile(
    r"[)\]}.']{0,2}(?P<link>(?<=\.)(?=[A-Z]\b)"
    r"|[ {]{2,9}(?:and|or)(?=[ }]{2})[ }]{0,3}| {0,2}(?:,|/|&|\+|;| \((?=or )| and | or | und | oder | et | ou"
    r" | y | o | e | as well as |和|或|与|及)"
    r" {0,2}(?:and |or |but |both |also |alternatively |possibly ){0,2}(?:option |choice "
    r"|answer )?)(?P<open>[(\[]?)(?P<letter>[A-Za-z])(?P<close>[)\]]?)(?![\w'])"
)
SECOND_FAR = re.compile(r" (?:or|and|und|oder|et|ou|y|o) [(\[]?(?P<letter>[A-Z])(?:[)\].:])(?: |$)")
# What may follow "a" or "i" as a letter, not as an article or pronoun: "A because", "I, since"
AFTER_WORD = re.compile(
    r" {0,2}(?:$|[.,;:!?)\]}\n|<\\/-]|\((?![a-z]\))|(?:because|since|as|due|which|with|based|given|according|and"
    r"|or|from|in this|is the|is correct|is right|here|as it|on|after|therefore|so|but|hence|it is|if)\b)"
)


def read_choice(view: View, options: Options, rule: Rule, at: int) -> Reading | None:
    """The choice that begins at `at`: a letter, an option's text or an ordinal; None where there is none."""
    if rule.strict and view.low[at : at + 1] in (".", "!", "?"):
        return None
    start, opening = at, OPENING.match(view.low, at)
    at = opening.end() if opening else at
    match = LETTER_HERE.match(view.low, at) or _glued(view, options, at)
    if match is not None and _is_letter(view, at, rule):
        below = "\n" in view.low[start:at]
        if below and not _answers_below(view, options, rule, at):
            return None
        reading = read_letter(view, options, rule.name, at)
        item = item_at(view, options, at) if below else None
        if reading and ((opening and opening["either"]) or (item and stands_beside(view, options, item))):
            return replace(reading, answer=None, status="several")
        return reading
    if repeated := REPEATED.match(view.clean, at):
        return _read_repeated(options, rule.name, repeated)
    if rule.strict or (rule.name == "choice_is" and not SIGN.search(view.low, start - 1, at)):
        return None  # "the conclusion is materially true" is not about the options, "my choice: London" is
    named, end, ends = options.at_start(view.low[at : at + 400])
    if len(named) == 1 and (ends or rule.name in ("boxed", "tag")):
        letter = LETTER_BEHIND.match(view.clean, at + end)
        if letter is not None and options.index(letter["letter"]) not in (-1, named[0]):
            return Reading(None, "conflict", rule.name, at, letter.end())
        return Reading(options.labels[named[0]], "answered", rule.name, at, at + end)
    clause = CLAUSE.match(view.low, at)
    if clause and not named and rule.name in PARTIAL_TEXT:
        begun = options.starting_with(clause.group())
        begun = options.with_number(clause.group()) if begun is None else begun
        if begun is not None:
            return Reading(options.labels[begun], "answered", rule.name, at, clause.end())
    position = ORDINAL.match(view.low, at)
    index = options.ordinal(position["word"], position["number"]) if position else None
    if position is None or index is None:
        return None
    return Reading(options.labels[index], "answered", rule.name, at, position.end())


# "BBBB", "ABD": letters without anything between them
REPEATED = re.compile(rf"(?P<letters>(?P<letter>[A-Z])[A-Z]{{1,30}})(?![{WORD}]| \w)")


def _read_repeated(options: Options, rule: str, match: re.Match[str]) -> Reading | None:
    """The letter of "BBBB"; several for "ABD"; None for a word such as "DNA"."""
    letters = match["letters"]
    if (
        any(options.index(letter) < 0 for letter in letters)
        or list(letters) != sorted(letters)
        or letters.strip("I") == ""
    ):
        return None
    if len(set(letters)) > 1:
        return Reading(None, "several", rule, match.start(), match.end())
    return Reading(options.labels[options.index(letters[0])], "answered", rule, match.start(), match.end())


GLUED = re.compile(r"[a-z](?=-\d)")  # "I-700": a letter before a negative number


def _glued(view: View, options: Options, at: int) -> re.Match[str] | None:
    """A letter right before the text of its own option, where that begins with a minus sign."""
    match = GLUED.match(view.low, at)
    index = options.index(view.clean[at]) if match else -1
    return match if index >= 0 and options.follows(view.low[at + 1 : at + 300], index) else None


def _answers_below(view: View, options: Options, rule: Rule, at: int) -> bool:
    """Whether the line below an announcement is its answer, not the first item of a list of options."""
    item = item_at(view, options, at)
    if item is None:
        return True
    if rule.name == "choice_is" and any(options.choices) and not (item.bare or item.own or item.other):
        return False  # "my analysis of each choice:\nA. It says ..."
    return not begins_list(view, options, item) and not (
        item.index == 0 and not item.bare and is_under_list_heading(view, item)
    )


def _is_letter(view: View, at: int, rule: Rule) -> bool:
    """Whether the character at `at` is a choice, not an article, a pronoun or a variable."""
    low, letter = view.low, view.clean[at]
    if rule.strict and not ENDS_THERE.match(low, at + 1):
        return False
    if low[at - 1 : at] in ("(", "[", "{", ">", "'") or low[at + 1 : at + 2] in (")", "]", "}", "<"):
        return True
    if letter.islower():  # not of a response that is cut off after "... which is a"
        return bool(LOWER_END.match(low, at + 1)) and not (at + 1 == len(low) > SHORT)
    return letter not in "AI" or bool(AFTER_WORD.match(low, at + 1))


def read_letter(view: View, options: Options, rule: str, at: int) -> Reading | None:
    """The choice of the letter at `at`; another letter, a denial, a condition or another option's text may follow it."""
    low = view.low
    index = options.index(view.clean[at])
    others = OTHERS.match(low, at + 1)
    if others and DENIED_AFTER.match(low, others.end()):
        return None
    if (
        ASKED.match(low, at + 1)
        or CONDITIONAL_AFTER.match(low, at + 1)
        or DENIED_AFTER.match(low, at + 1)
        or denied_after(low, at + 1)
    ):
        return None
    if index < 0:
        return Reading(None, "none", rule, at, at + 1)
    if NO_OPTION.match(low, at + 1):
        return Reading(None, "refused", rule, at, at + 1)
    if view.ends and SECOND_FOLLOWS.match(low, at + 1):
        return Reading(None, "truncated", rule, at, at + 1)
    if _names_a_second_letter(view, options, at) or (rule == "boxed" and BOX_BEFORE.search(low, max(0, at - 60), at)):
        return Reading(None, "several", rule, at, at + 1)
    if _conflicts(low[at + 1 : at + 400], options, index):
        return Reading(None, "conflict", rule, at, at + 1)
    return Reading(options.labels[index], "answered", rule, at, at + 1)


OTHERS = re.compile(r"(?:[)\]]?(?:,|/|&| and| or) {0,2}(?:and |or )?[(\[]?[a-z](?![\w'])){1,8}")  # "A, B and D"
# "The answer is C? Or D?", but "The answer is C? Yes."
ASKED = re.compile(r"[)\]}']{0,2}\?(?!\s{1,3}(?:yes|yep|correct|right|indeed|exactly|sure)\b)")
# "The answer is A or": a response that stops before the second letter
SECOND_FOLLOWS = re.compile(r"[)\]}']{0,2} {1,2}(?:or|and)\s{0,3}$")
# "The answer is A, but the options provided do not match the result."
NO_OPTION = re.compile(
    r"[)\]}']{0,2},? but (?:(?:the |all )?(?:given )?(?:options|choices)(?: \w{1,12}){0,2}? (?:do not|don't)"
    r" (?:match|fit|contain|include)|none of (?:the )?(?:given )?(?:options|choices)(?: \w{1,12})? (?:match(?:es)?|fits?))"
    r"\b(?! exactly)"
)
# "A, B is wrong": the second letter starts a clause
VERB = re.compile(r" (?:is|are|was|has|have|does|lies|would|can)\b(?! also| equally)")
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
        clause = match["link"].strip() in (",", ";") and VERB.match(view.low, end)
        denied = clause or DENIED_AFTER.match(view.low, end)
        if named and not denied and (match["close"] or upper):
            return True
    far = SECOND_FAR.search(view.clean, at + 1, at + 240) if view.clean[at + 1 : at + 2] in (".", ")") else None
    if far is None or options.index(far["letter"]) < 0 or far["letter"] == view.clean[at]:
        return False
    return options.follows(view.low[far.end("letter") : far.end() + 300], options.index(far["letter"]))


# "London (C)", "London, option C": the letter after an option's text
LETTER_BEHIND = re.compile(r"[.\s]{0,2}(?:\(|, option |, )\(?(?P<letter>[A-Z])[).\s]")


def _conflicts(behind: str, options: Options, index: int) -> bool:
    """Whether the clause after a letter is the text of another option."""
    link = CONNECTOR.match(behind)
    if link is None or link.end() == 0 or behind[link.end() : link.end() + 1] in ("", "\n"):
        return False
    named, _, ends = options.at_start(behind[link.end() :])
    if not named:
        return options.begins_alike(behind[link.end() :], index)
    return index not in named and ends
