"""Check the gold: `#answer` against the end of the worked answer, and the calculations in the worked answer."""

from __future__ import annotations

import re
from fractions import Fraction

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.extract import gold_number
from mcqa_suite.questions.gsm8k import CALCULATION
from mcqa_suite.symbolic.expressions import compile_expression
from mcqa_suite.symbolic.values import is_number, number, read_number

SIGNS = str.maketrans({"×": "*", "x": "*", "÷": "/", "−": "-", "$": "", "€": "", "£": "", ",": "", "[": "(", "]": ")"})
IMPLICIT_PRODUCT = re.compile(r"(?<=[\d)])\s*(?=\()")  # 3(4)
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
NOT_WHOLE = "answers that are not whole"
GOLDS_DIFFER = "worked answers that end in another number than #answer"
MOST_PLACES = 4


def gold_problem(answer: str, result: object, decimals: bool = False) -> str | None:
    """The reason to reject a draw; None where both golds are the same number, whole and not negative.

    With `decimals`, at most four decimal places are also accepted.
    """
    if not is_number(result):
        return "answers that are not a number"
    value = number(result)
    if isinstance(value, Fraction) and not (decimals and (value * 10**MOST_PLACES).denominator == 1):
        return NOT_WHOLE
    if value < 0:
        return "negative answers"
    try:
        gold = Fraction(gold_number(answer))
    except ValueError:
        return "worked answers without one number at their end"
    return None if gold == value else GOLDS_DIFFER


def calculations(answer: str) -> tuple[int, list[str]]:
    """The number of calculations such as `<<6*2=12>>` in a worked answer, and the wrong or unreadable ones."""
    texts = CALCULATION.findall(answer)
    return len(texts), [text for text in texts if not _is_right(text)]


def _is_right(text: str) -> bool:
    left, equals, right = text.rpartition("=")
    result = read_number(PERCENT.sub(r"\1", right.translate(SIGNS)).strip())
    if not equals or result is None:
        return False
    source = PERCENT.sub(r"(\1/100)", IMPLICIT_PRODUCT.sub("*", left.translate(SIGNS)))
    try:
        for part in source.split("="):  # 2+3=1+4=5
            value = compile_expression(part, "calculation")({})
            if not is_number(value) or not _close(Fraction(number(value)), right, result):
                return False
    except (TemplateError, ZeroDivisionError):
        return False
    return True


def _close(value: Fraction, written: str, result: int | Fraction) -> bool:
    """Whether the value is equal to the result, or is after rounding to the number of decimals written."""
    _, point, decimals = written.strip().partition(".")
    shown = len(re.match(r"\d*", decimals)[0]) if point else 0  # type: ignore[index]
    if value == result or (value * 100 == result and "%" in written):
        return True
    return bool(point) and abs(value - result) * 2 <= Fraction(1, 10**shown)
