"""The ordered table of phrases that announce a number, and the patterns of a concluding sentence."""

from __future__ import annotations

import re

from mcqa_suite.extract.answer_words import ANSWER_OTHER, ANSWER_PARTS, ANSWER_SPACED, IS_SPACED
from mcqa_suite.extract.rules import Rule

NUMBER_RULES: tuple[Rule, ...] = (
    Rule("boxed", r"so $x = \boxed{57}$", "57", r"\boxed|\fbox", r"\\(?:boxed|fbox) ?\{"),
    Rule("hash_marker", "He earns 6 * 7 = 42 dollars.\n#### 42", "42", "####", r"####"),
    Rule(
        "tag",
        "<answer>42</answer>",
        "42",
        "answer>|answer]|final>|output>|result>|response>",
        r"[<\[](?:(?:final|my)[ _])?(?:answer|final|output|result|response)[>\]]",
    ),
    Rule(
        "answer_is",
        "Final answer: **73**",
        "73",
        "answer",
        # "to answer a question": a verb announces only right before a colon
        r"\banswers?\b(?:(?= {0,3}:)|(?<!\b(?:to|we|he|or) answer)(?<!\b(?:can|who|you|she|not|and|n't) answer)"
        r"(?<!\b(?:must|will|they) answer)(?<!\bwho answers))"
        r"[^.?!\n:=]{0,90}?(?: (?:is|are|was|be|equals|becomes)(?![\w'])[ :]{0,3}| {0,3}[:=]| - | {0,3}\n)",
    ),
    Rule("short_answer", "20 + 22 = 42\nA: 42", "42", "a:|a :", r"(?:^|\n)[ >]{0,4}a ?: "),
    Rule(
        "correction",
        "She has 20 left. No, wait, 22.",
        "22",
        "wait|actually|correction|i mean|, no|. no|oops",
        r"(?:\b(?:wait|actually|correction|i mean|hmm,? no|oops)|\d[,.]? no)[,:]? (?:no,? )?"
        r"(?:it is |it's |it (?:should|must) be |that is )?"
        r"(?=[-$€£]{0,2}\d)",
    ),
    Rule(
        "answer_abroad",
        "Die Antwort lautet 42.",
        "42",
        ANSWER_PARTS,
        rf"\b(?:{ANSWER_SPACED})\w{{0,6}}\b(?:[^.?!\n:=]{{0,60}}?"
        rf"(?: (?:{IS_SPACED})(?!\w)[ :]{{0,3}}| {{0,3}}[:=]| - | {{0,3}}\n)"
        r"| (?=[-$€£]{0,2}\d))",
    ),
    Rule(
        "answer_other_scripts",
        "答案是42。",
        "42",
        ANSWER_OTHER,
        rf"(?:{ANSWER_OTHER}) ?[:是为為はهو은는-]{{0,3}}",
    ),
)

# "So she sold 17", "= 72 clips": a result after the clause that an "Answer:" begins
RESULT_FOLLOWS = re.compile(
    r"[.!?\n,]\s{1,3}(?:so|therefore|thus|hence|finally|altogether|in total|in all|also|donc|entonces|quindi|portanto)\b"
    r"[^.?!\n]{0,120}\d"
    r"|=\s{0,2}[-$€£]{0,2}\d"
)
# "The answer is 41. Wait, that's wrong.": an answer that is taken back
RETRACTED = re.compile(
    r"[^.?!\n]{0,24}[.?!]?\s{1,3}(?:(?:wait|hmm|no|oops|sorry|actually|but)\b[^\w]{0,4}){1,3}(?:that|this|it)"
    r"(?:'s| is| was| can't be| cannot be| must be| seems) (?:\w{1,10} )?"
    r"(?:wrong|incorrect|not right|not correct|mistake|error|impossible)"
)
# "the first answer is", "the answer to part 2 is": an answer on the way, which counts only in a complete response
INTERIM = re.compile(
    r"\b(?:first|second|third|partial|intermediate|previous|initial|preliminary) answer"
    r"|\banswers? (?:to|for|of|in|from) "
    r"(?!(?:the|this|your|our|that) (?:(?!first|second|third)\w+ )?(?:question|problem|task|puzzle|exercise)\b)"
)
# "x = 3 or x = 5": an equation for each of two values
EITHER_EQUATION = re.compile(r"\d[a-z%$ (]{1,16}\bor\b[^=]{0,16}=")
# "could be", "not": with these, "the answer ... is 4" does not commit to 4
UNDECIDED = re.compile(r"\b(?:not|cannot|could|might|may|either|neither)\b|n't\b")
_UNIT = (
    r"(?:years?|months?|weeks?|days?|hours?|hrs?|h|minutes?|mins?|seconds?|secs?|feet|foot|ft|inch(?:es)?|in|yards?|miles?"
    r"|pounds?|lbs?|ounces?|oz|stone|dollars?|cents?|euros?|pence|kg|g|km|m|cm|mm)"
)
# "9 chickens and 10 rabbits", "20 spoons of flour, 12 of sugar": two numbers of equal importance
SECOND_NUMBER = re.compile(
    r"(?: ?(?:%|[a-z'°-]{1,20})){0,4},? (?:and|or|plus) (?:\w{1,10} ){0,2}?[$€£]?\d"
    r"|(?: [a-z'-]{1,20}){0,5}, [$€£]?\d+ [a-z]|[,;] \d"
    r"| ?%? (?:to|through) [$€£]?\d(?! ?(?:d\.?p|decimal|digit|significant|s\.?f|place))"
    rf"| ?{_UNIT} \d[\d.]{{0,9}} ?{_UNIT}\b"  # "7 days 3 hours"
)
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|(?:jan|feb|mar|apr|jun|jul|aug"
    r"|sept?|oct|nov|dec)\.?)"
)
MONTH = re.compile(_MONTH)
# "March 4, 2021", "4 March 2021": the numbers of a date
DATE = re.compile(
    rf"\b(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?(?![\w%,.]\d|[\w%])|"
    rf"\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{_MONTH},? \d{{4}}(?!\w))"
)
CUE = re.compile(
    r"\b(?:i\.e\.,?|that is,?|in other words,?|for a total of|a total of|totals|equals|equal to|altogether"
    r"|sum of)[: a]{0,3}(?:a \w{1,12}: )?[ $€£]{0,3}"
)
PREDICATE = re.compile(
    r"(?:\b(?<!to )(?:is|are|was|were|be|has|have|had|costs?|gets?|got|makes?|made|needs?|earns?|earned|pays?"
    r"|paid|spends?|spent|takes?|took"
    r"|receives?|received|left with)|:) (?:about |approximately |only |exactly |now |still |a total of "
    r"|roughly |just )?[$€£ ]{0,3}"
)
# "for 12 people", "5 of the 12", "nach 3 Jahren", "baada ya miaka 3", "3 yıl sonra": a number that is not what a sentence states
ADJUNCT_BEFORE = re.compile(
    r"\b(?:in|for|after|per|within|during|over|by|at|on|from|(?:\d|%|out|each|all) of|than|nach|für|pro|von|bei"
    r"|après|pour|par|dans|en|después de|para|por|dopo|per|depois de|em|efter|för|på|na|voor|po|dla|через|за|после|для"
    r"|(?:baada ya|kwa|katika) \w{1,12})(?: (?:the|his|her|their|die|der|den|les|las|los|os|as|gli|le))? [$€£]?$"
)
ADJUNCT_AFTER = re.compile(r" \w{1,12} (?:sonra|için|içinde)\b")
# Scripts of languages whose sentences end in what they state: Chinese, Japanese, Korean, Hindi, Bengali, Telugu, Thai ...
VERB_LAST = re.compile("[\u0900-\u0eff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")
# "Since each box costs $1.25, ...", "In 1 week, ...", "After 3 hours, ..."
SUBORDINATE = re.compile(
    r"(?:so|therefore|thus|hence|then|finally|and|also)?,? {0,2}(?:since|because|as|if|when|after|in|for|at|on"
    r"|with|given|during|by|out of|of|from"
    r"|over|within|per|every|each|to|while|once|before)\b(?:[^,.;]|[.,](?=\d)|\.(?<=mr\.|rs\.|dr\.|ms\.)){1,160}, "
)
RESULT_CLAUSE = re.compile(
    r"[,;:] (?:and )?(?:so|therefore|thus|hence|then|which means(?: that)?|meaning(?: that)?|giving|leaving)\b,? "
)
PLANNING = re.compile(
    r"first(?:ly)?,|(?:(?:now|then|first|next|finally|also),? |so (?!we know))?(?:we (?:know|need to|have to|can|must|want"
    r"|are (?:told|given|asked))|let|to (?:find|get|solve|answer)"
    r"|step|suppose|assume|the (?:first|second|third|next) step|you (?:need|can|have)|i (?:need|can|have to))\b"
)
NO_NUMBER = re.compile(
    r"\b(?:cannot|can't|can not|could not|unable to|not possible to|impossible to|no way to|not enough|insufficient)\b"
    r"(?: \w{1,12}){0,4}? ?(?:determin|comput|calculat|answer|solv|find|know|be |give|tell|information|data"
    r"|help|provide|figure)"
    r"|\bno (?:\w{1,12} )?(?:number|answer|solution)\b|\b(?:not enough|insufficient|more) information\b"
    r"|\bsorry\b|\bapologi[sz]e\b|\bas an ai\b"
)
