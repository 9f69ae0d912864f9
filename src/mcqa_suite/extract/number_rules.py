"""The ordered table of phrases that announce a number, and the patterns of a concluding sentence."""

from __future__ import annotations

import re

from mcqa_suite.extract.rules import Rule

NUMBER_RULES: tuple[Rule, ...] = (
    Rule("boxed", r"so $x = \boxed{57}$", "57", r"\boxed|\fbox", r"\\(?:boxed|fbox) ?\{"),
    Rule("hash_marker", "He earns 6 * 7 = 42 dollars.\n#### 42", "42", "####", r"####"),
    Rule("tag", "<answer>42</answer>", "42", "answer>|answer]", r"[<\[](?:final[ _])?answer[>\]]"),
    Rule(
        "answer_is",
        "Final answer: **73**",
        "73",
        "answer",
        r"\banswers?\b[^.?!\n:=]{0,90}?(?: (?:is|are|was|be|equals|becomes)(?![\w'])[ :]{0,3}| {0,3}[:=]| - | {0,3}\n)",
    ),
    Rule("short_answer", "20 + 22 = 42\nA: 42", "42", "a:|a :", r"(?:^|\n) {0,3}a ?: "),
    Rule(
        "correction",
        "She has 20 left. No, wait, 22.",
        "22",
        "wait|actually|correction|i mean|, no",
        r"(?:\b(?:wait|actually|correction|i mean)|\d,? no)[,:]? (?:no,? )?(?:it is |it's |it (?:should|must) be |that is )?"
        r"(?=[-$€£]{0,2}\d)",
    ),
    Rule(
        "answer_abroad",
        "Die Antwort lautet 42.",
        "42",
        "antwort|lösung|ponse|spuesta|sposta|solu",
        r"\b(?:antwort|lösung|réponse|reponse|respuesta|risposta|resposta|soluci[oó]n|soluzione"
        r"|solution)\b[^.?!\n:=]{0,60}?"
        r"(?: (?:ist|lautet|beträgt|est|es|è|é|is)(?!\w)[ :]{0,3}| {0,3}[:=]| {0,3}\n)",
    ),
    Rule(
        "answer_other_scripts",
        "答案是42。",
        "42",
        "答|الجواب|ответ|답|उत्तर",
        r"(?:答案|答え|答|الجواب|الإجابة|ответ|정답|답|उत्तर) ?[:是为為はهو은는-]{0,3}",
    ),
)

# "sqrt(2)", "\\log 8": a number inside an unevaluated function
FUNCTION = re.compile(r"(?:sqrt|log|ln|sin|cos|tan|√|\^)[ ({\[]{0,3}$")
# "x = 3 or x = 5": an equation for each of two values
EITHER_EQUATION = re.compile(r"\d [a-z%$ ]{0,16}\bor\b[^=]{0,16}=")
# "could be", "not": with these, "the answer ... is 4" does not commit to 4
UNDECIDED = re.compile(r"\b(?:not|cannot|could|might|may|either|neither)\b|n't\b")
# "256+37", "(261)(23)": a number that is part of an unevaluated expression
ARITHMETIC = re.compile(
    r"[ )]{0,3}(?:[+*/×÷·^]|x(?= ?\d)|-(?= ?\d)|\\times|\\cdot)(?= ?[$(]?[\d(])|\)?\((?=[\d(])|[xyzn](?![\w])|\)\("
    r"| ?(?:π|√|\\?pi\b|\\sqrt)"
)
IRRATIONAL = re.compile(r"π|√|\\pi\b|\\sqrt")
_UNIT = (
    r"(?:years?|months?|weeks?|days?|hours?|hrs?|h|minutes?|mins?|seconds?|secs?|feet|foot|ft|inch(?:es)?|in|yards?|miles?"
    r"|pounds?|lbs?|ounces?|oz|stone|dollars?|cents?|euros?|pence|kg|g|km|m|cm|mm)"
)
# "9 chickens and 10 rabbits", "20 spoons of flour, 12 of sugar": two numbers of equal importance
SECOND_NUMBER = re.compile(
    r"(?: ?(?:%|[a-z'°-]{1,20})){0,4},? (?:and|or|plus) (?:\w{1,10} ){0,2}?[$€£]?\d"
    r"|(?: [a-z'-]{1,20}){0,5}, [$€£]?\d+ [a-z]|, \d"
    rf"| ?{_UNIT} \d[\d.]{{0,9}} ?{_UNIT}\b"  # "7 days 3 hours"
)
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|(?:jan|feb|mar|apr|jun|jul|aug"
    r"|sept?|oct|nov|dec)\.?)"
)
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
    r"(?:\b(?:is|are|was|were|(?<!to )be|has|have|had|costs?|gets?|got|makes?|made|needs?|earns?|earned|pays?"
    r"|paid|spends?|spent|takes?|took"
    r"|receives?|received|left with)|:) (?:about |approximately |only |exactly |now |still |a total of "
    r"|roughly |just )?[$€£ ]{0,3}"
)
# "Since each box costs $1.25, ...", "In 1 week, ...", "After 3 hours, ..."
SUBORDINATE = re.compile(
    r"(?:so|therefore|thus|hence|then|finally|and|also)?,? {0,2}(?:since|because|as|if|when|after|in|for|at|on"
    r"|with|given|during|by|out of|of|from"
    r"|over|within|per|every|each|to|while|once|before)\b(?:[^,.;]|[.,](?=\d)){1,160}, "
)
RESULT_CLAUSE = re.compile(
    r"[,;:] (?:and )?(?:so|therefore|thus|hence|then|which means(?: that)?|meaning(?: that)?|giving|leaving)\b,? "
)
PLANNING = re.compile(
    r"(?:(?:now|then|first|next|finally|also),? |so (?!we know))?(?:we (?:know|need|have to|can|must|want"
    r"|are (?:told|given|asked))|let|to find|to get|to solve"
    r"|step|suppose|assume|the (?:first|second|third|next) step|you (?:need|can|have)|i (?:need|can|have to))\b"
)
NO_NUMBER = re.compile(
    r"\b(?:cannot|can't|can not|could not|unable to|not possible to|impossible to|no way to|not enough|insufficient)\b"
    r"(?: \w{1,12}){0,4}? ?(?:determin|comput|calculat|answer|solv|find|know|be |give|tell|information|data"
    r"|help|provide|figure)"
    r"|\bno (?:\w{1,12} )?(?:number|answer|solution)\b|\b(?:not enough|insufficient|more) information\b"
    r"|\bsorry\b|\bapologi[sz]e\b|\bas an ai\b"
)
