"""Whether a response is complete, or cut off: in a sentence, or while it announces its answer."""

from __future__ import annotations

import re
from collections.abc import Callable

from mcqa_suite.extract.choosing import OPENING
from mcqa_suite.extract.denial import REFUSAL
from mcqa_suite.extract.letter_rules import LETTER_RULES
from mcqa_suite.extract.number_rules import NO_NUMBER, NUMBER_RULES
from mcqa_suite.extract.rules import Rule
from mcqa_suite.extract.text import FUNCTION_WORD, last_matches

LOOP, SAME_END = 1200, 48  # characters at the end that are searched for a loop, and those that must occur twice
REACH = 240  # characters at the end of a response in which an announcement is searched
# Rules after whose phrase the answer comes, and what the phrase must end in: "London, I would choose" is complete
ANY = re.compile("")
COPULA = re.compile(r"(?:[:是为為はו은는\]-]|ه[وي]|[应應以此故我案]该?該?[选選])$")
ANNOUNCING = {
    **dict.fromkeys(
        ("boxed", "hash_marker", "tag", "answer_is", "ans", "short_answer", "choice_is", "answer_abroad"), ANY
    ),
    **dict.fromkeys(("answer_chinese", "answer_other_scripts"), COPULA),
    "i_choose": re.compile(r"(?:option|choice|letter)$"),
}
RULES: tuple[Rule, ...] = tuple(rule for rule in (*LETTER_RULES, *NUMBER_RULES) if rule.name in ANNOUNCING)
# "The final answer", "I choose": a last sentence that stops where the answer follows
HEADLESS = re.compile(
    r"(?:^|[\n.:!?;<>#\[]) {0,4}(?:(?:so|therefore|thus|hence|finally|then),? {1,2})?"
    r"(?:(?:the |my |our )?(?:final |correct |best |right )?(?:answer|option|choice)|(?:正确|正確|最终|最終)?答案"
    r"|(?:i|we)(?: would| will|'d|'ll)? (?:choose|pick|select|go with))$"
)
INDIRECT = re.compile(r"\bwhat [^.,;:?!\n]{0,60} (?:is|are|was|be)$")  # "I wonder what the answer is"
SENTENCE_START = re.compile(r"[.!?\n]")
FILLER = "*~≈$€£¥#- \n"  # further characters between an announcement and a number


def ends_as_sentence(low: str) -> bool:
    """Whether the text ends as a sentence, or is too short to have been cut off."""
    body = low.rstrip()
    if _stops_on_function_word(body) or body[-1:] in (",", ";"):
        return False
    return len(body) < 60 or body[-1:] in ".!?)]}:" or ("\n" not in body[-200:] and len(body) < 90)


def ends_with_result(clean: str) -> bool:
    """Whether a text is complete: it ends in punctuation, in a result, or as a short line on a content word."""
    body = clean.rstrip()
    line = body[body.rfind("\n") + 1 :]
    if ends_in_loop(body):
        return False
    if body[-1:] in ".!?)]}|" or re.search(r"= {0,3}[-$€£ ]{0,3}\d[\d.,]{0,40}(?<!,) {0,2}[%\w]{0,12}$", line[-80:]):
        return True
    return (
        len(line) < 120
        and len(body) < 240
        and not _stops_on_function_word(line.lower())
        and line[-1:] not in ",;:+-*/=("
    )


def ends_in_loop(body: str) -> bool:
    """Whether a text ends in the same words over and over, as a model writes until its tokens run out."""
    tail = body[-LOOP:]
    period = len(tail) - SAME_END - tail.rfind(tail[-SAME_END:], 0, -1)
    return len(tail) > SAME_END and 4 * period <= len(tail) and tail[-3 * period :] == tail[-4 * period : -period]


def _stops_on_function_word(low: str) -> bool:
    """Whether a text stops after a word such as "the" or "is", or in "which is:"."""
    return bool(FUNCTION_WORD.search(low[-24:].rstrip(" \n:("))) and not INDIRECT.search(low[-80:])


def unfinished(low: str, begins_answer: Callable[[str], bool]) -> int:
    """The start of an announcement that the text ends in, as "The answer is (" or "\\boxed{"; -1 where it ends otherwise.

    `begins_answer` says of the text after the announcement whether it is the first part of an answer: "The answer is Lond".
    """
    body = low.rstrip()
    if body[-1:] in ".!?)" or INDIRECT.search(body[-80:]):
        return -1
    offset = max(0, len(body) - REACH)
    tail = body[offset:] + " "
    starts = [match.start() for rule in RULES if (match := _unfinished(rule, tail, begins_answer))]
    if stop := HEADLESS.search(tail.rstrip(" \n([{<")):
        starts.append(stop.start())
    starts = [start for start in starts if not _refuses(tail, start)]
    return offset + min(starts) if starts else -1


def _unfinished(rule: Rule, tail: str, begins_answer: Callable[[str], bool]) -> re.Match[str] | None:
    """The last match of a rule that no answer, or only the first part of one, follows."""
    if not any(map(tail.__contains__, rule.words)):
        return None
    for match in last_matches(rule.pattern, tail):
        if not ANNOUNCING[rule.name].search(match.group().strip()):
            continue
        opening = OPENING.match(tail, match.end())
        rest = tail[opening.end() if opening else match.end() :].strip(FILLER)
        if not rest or begins_answer(rest):
            return match
    return None


def _refuses(tail: str, start: int) -> bool:
    """Whether the sentence of an announcement says that there is no answer: "I cannot say what the answer is"."""
    breaks = [match.end() for match in SENTENCE_START.finditer(tail, 0, start)]
    sentence = tail[breaks[-1] if breaks else 0 :]
    return bool(REFUSAL.search(sentence) or NO_NUMBER.search(sentence))
