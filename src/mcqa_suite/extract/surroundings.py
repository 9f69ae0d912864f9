"""What the text around a number says about it: the label of a step, a bound, a part of an expression, a second value."""

from __future__ import annotations

import re
from fractions import Fraction

from mcqa_suite.extract.decimals import WORD_VALUES, Number
from mcqa_suite.extract.denial import NOT_BEFORE
from mcqa_suite.extract.text import View

REACH, NEAR = 48, 24  # characters before a number that are searched

# "1. First, ...", "**2)** Then ...": the number of an item of a list
ITEM_START = re.compile(r"(?:^|\n)[\s#>*•(-]{0,12}$")
ITEM = re.compile(r"^[\s#>*•(-]{0,12}\d{1,2} {0,2}[.)] ")
ITEM_END = re.compile(r" {0,2}[.)](?= {0,3}\S)")
# "Step 3", "question 2", "part (2)": a number that names a part of the text
_PART = (
    r"step|part|case|question|problem|exercise|example|method|approach|equation|eqn?\.?|figure|fig\.?|table|section|chapter"
    r"|stage|phase|attempt|iteration|theorem|lemma|condition|statement|scenario|task"
)
PART_BEFORE = re.compile(rf"\b(?:{_PART})s? ?#?\(?$")
# "Student 2: 7 books", "Day 3 - ": one or two words and a number that begin a line and end in a colon
HEADING_START = re.compile(r"(?:^|\n)[\s#>*•(-]{0,12}(?!(?:the |my |final )?answer)[a-z]{1,20}(?: [a-z]{1,20})? #?\(?$")
HEADING_END = re.compile(r"\)?(?: {0,2}:(?=\s)| -{1,2} (?=[a-z]))")

# "at least 42", "more than 42", "x > 42": a number that only bounds the value
_MORE = r"(?:more|less|fewer|greater|larger|smaller|higher|lower|bigger|longer|shorter|older|younger|taller|faster)"
BOUND_BEFORE = re.compile(
    rf"(?:\b{_MORE} than(?: or equal to)?|\bat (?:least|most)|\bup to|\b(?:could|might|may) be"
    r"|\b(?:over|under|above|below|beyond|exceed(?:s|ing)?|a (?:minimum|maximum) of)"
    r"|\bbetween(?: [$€£]?[\d.,]{1,20}(?: ?%| [a-z]{1,12}){0,2} and)?"
    r"|(?:[\w):}\]$] |(?<![\w</])[a-z\d)])[<>]=?|[≤≥≠∈]|!="
    r"|\\(?:leq?|geq?|lt|gt|neq?|in|leqslant|geqslant))[ $€£(]{0,4}$"
)
BOUND_HINT = re.compile(
    r"[<>≤≥≠∈=\\]|than|t (?:lea|mo)st|to|be|ove|under|eyond|xceed|mum of|twe"
)  # fast, before BOUND_BEFORE
BOUND_AFTER = re.compile(
    rf" (?P<noun>[a-z-]{{1,14}}) (?:is|are|was|were) {_MORE} than [\d.,$]{{1,12}} (?P=noun)\b"  # "16 pens is less than 84 pens"
    rf"|(?: [a-z%]{{1,12}})? or {_MORE}\b|\+(?=[\s.,)]|$)| (?:and|or) (?:above|below|over|under|up)\b"
)

_FUNCTION = r"sqrt|cbrt|log|ln|lg|exp|sin|cos|tan|mod|gcd|lcm"
_COMMAND = (
    rf"\\(?:{_FUNCTION}|cot|sec|csc|[dtc]?frac|[dt]?binom|times|cdot|div|pm|mp|bmod|pmod|lfloor|lceil|pi|tau|theta|alpha|beta|lambda|phi"
    r"|infty|begin)"
)
# "sqrt(", "\frac{", "x^", "n!/", "C(": what makes the number after it a part of an expression
INSIDE = re.compile(
    rf"(?:(?<![a-zA-Z])(?:{_FUNCTION})|{_COMMAND}|[√∛^±⌊⌈]|[_}}](?=\{{)|_|\+/?-|(?<![a-zA-Z])[a-zA-Z](?=\()"
    r"|(?<=[\w)}\]!π])(?: {0,2}[×·÷/]|\*| {1,2}\*(?= ))|-\()[ ({\[\\$]{0,4}$"
)
INSIDE_HINT = re.compile(rf"[^a-zA-Z\d\s,.:%€£]|(?:{_FUNCTION}) ?$")  # fast, before INSIDE
# "n + 5", "\\pi - 3": what stands before the sign of a number where the sign is an operator
OPERAND_BEFORE = re.compile(r"(?:[)}\]!²³π]|(?<![a-zA-Z'])[a-z]|\\[a-z]{2,8}) {0,2}$")
# "256 + 37", "(261)(23)", "2^{35}", "3 \\sqrt{2}", "5 mod 3", "2x", "42 \\pm 5": a number that an expression goes on after
_OPERAND = rf"[ $({{\[|]{{0,4}}(?:\d|[a-z](?![a-z])|[π√]|(?:{_FUNCTION}|pi)\b|\\|e\^)"
GOES_ON = re.compile(
    rf"[ )}}\]$]{{0,4}}(?:[+*/×·÷](?={_OPERAND})|-(?= ?[\d(\\π√]| ?[xyzn](?!\w))|x(?= ?\d)|[±√∛]|\+/?-|π|{_COMMAND}(?![a-zA-Z])"
    rf"|\^(?!\{{? ?(?:\\?circ|\\?degree|o\b|∘|\[|th|st|nd|rd))|\*\*(?=[\d(])|!(?= ?[-+*/×·÷^=)])|(?:pi|choose|{_FUNCTION})\b)"
    r"|[abefijnqruvwxyz](?![\w'])|[⁰¹²³⁴-⁹]|\)?\((?=[\w(])|\)\(|[.,:]\d"
    rf"|(?:(?<=hundred)|(?<=thousand)|(?<=million)|(?<=billion)) (?:and )?(?:{'|'.join(WORD_VALUES)})\b"
    r"|\.?\\(?:overline|dot|bar)\b|[\u0300-\u036f]| and (?:a|one) (?:half|third|quarter)\b"
)
# What an expression contains that is not worked out: "5!", "\\log 8", "(-\\infty, 3)"
UNWORKED = re.compile(rf"{_COMMAND}(?![a-zA-Z])|[√π∞!]")
PAIR_END = re.compile(r"[ \\]{0,2}[)\]}]")
# "0.25 or 25 %", "2.5 hours (150 minutes)": the units whose values are the same in these ratios
UNIT = re.compile(r" ?(?!(?:and|or)\b)[a-z]{2,12}")
ROUNDED = re.compile(r"\b(?:about|approximately|approx|roughly|around)\b|[≈~]")  # "42.57, or about 43"
UNIT_RATIOS = frozenset((7, 12, 24, 52, 60, 100, 1000, 3600))


def names_a_part(view: View, number: Number) -> bool:
    """Whether a number names a step, an item or a case and is no value: "Step 3", "1. First ...", "Student 2: ..."."""
    low, digits = view.low, view.clean[number.start : number.end]
    if len(digits) > 3 or not digits.isdigit():
        return False
    before = low[max(0, number.start - REACH) : number.start]
    if number.start < REACH:
        before = "\n" + before
    if PART_BEFORE.search(before):
        return True
    item = ITEM_END.match(low, number.end)
    if item and ITEM_START.search(before):
        sign = low[item.end() - 1]
        return digits == "1" or bool(re.search(rf"(?:^|\n)[\s#>*•(-]{{0,12}}{int(digits) - 1} {{0,2}}[{sign}]", low))
    return bool(HEADING_END.match(low, number.end) and HEADING_START.search(before))


def is_bound(view: View, number: Number) -> bool:
    """Whether a number only bounds the value: "at least 42", "42 or more", "x > 42"."""
    before = view.low[max(0, number.start - NEAR) : number.start]
    after = BOUND_AFTER.match(view.low, number.end)
    return bool(after or (BOUND_HINT.search(before) and BOUND_BEFORE.search(before)))


def is_denied(view: View, number: Number) -> bool:
    """Whether a denial directly precedes a number: "not 5"."""
    return bool(NOT_BEFORE.search(view.low, max(0, number.start - 40), number.start))


def in_expression(view: View, number: Number, start: int = 0) -> bool:
    """Whether a number is a part of an expression that is not worked out, or of a pair; nothing before `start` counts."""
    clean = view.clean
    before = clean[max(start, number.start - NEAR) : number.start]
    if (INSIDE_HINT.search(before) and INSIDE.search(before)) or GOES_ON.match(clean, number.end):
        return True
    if clean[number.start] in "+-" and OPERAND_BEFORE.search(before):
        return True
    return "," in clean[number.start : number.end] and _is_pair(clean, number, before)


def _is_pair(clean: str, number: Number, before: str) -> bool:
    """Whether a decimal comma is the comma of a pair: "(2,3)", "[4,9]"."""
    rest = clean[number.start : number.end].partition(",")[2]
    opened = before.rstrip(" \\")[-1:] in ("(", "[", "{")
    return bool(len(rest) < 3 and opened and PAIR_END.match(clean, number.end))


def same_value(view: View, first: Number, second: Number) -> bool:
    """Whether two numbers write one value: "0.25 or 25 %", "1/6, or 0.167", "2.5 hours, or 150 minutes"."""
    a, b = Fraction(first.value), Fraction(second.value)
    if a == b or {first.value, first.other} & {second.value, second.other} - {None}:
        return True
    places = min(len(value.partition(".")[2]) for value in (first.value, second.value))
    rounded = places or ROUNDED.search(view.low, first.end, second.start)
    if rounded and abs(a - b) <= Fraction(1, 2 * 10**places):
        return True
    units = all(UNIT.match(view.low, number.end) for number in (first, second))
    return units and bool(a and b) and max(abs(a), abs(b)) / min(abs(a), abs(b)) in UNIT_RATIOS
