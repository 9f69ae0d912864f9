"""The gold, checked two ways: what `#answer` works out to, and what the worked answer says and calculates."""

from __future__ import annotations

import re
from fractions import Fraction

from mcqa_suite.common.errors import TemplateError
from mcqa_suite.extract import gold_number
from mcqa_suite.symbolic.expressions import compile_expression
from mcqa_suite.symbolic.values import DrawError, is_number, number, read_number

CALCULATION = re.compile(r"<<([^<>]*)>>")
SIGNS = str.maketrans({"×": "*", "x": "*", "÷": "/", "−": "-", "$": "", "€": "", "£": "", ",": "", "[": "(", "]": ")"})
BESIDE = re.compile(r"(?<=[\d)])\s*(?=\()")  # 3(4) is a product
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


NOT_WHOLE = "answers that are not whole"
GOLDS_DIFFER = "worked answers that end in another number than #answer"
MOST_PLACES = 4


def gold_problem(answer: str, result: object, decimals: bool = False) -> str | None:
    """Why a draw cannot be asked; None where the two golds are one number, not negative and whole (or, with `decimals`,
    a decimal of at most four places)."""
    if not is_number(result):
        return "answers that are no number"
    value = number(result)
    if isinstance(value, Fraction) and not (decimals and (value * 10**MOST_PLACES).denominator == 1):
        return NOT_WHOLE
    if value < 0:
        return "negative answers"
    try:
        said = Fraction(gold_number(answer))
    except ValueError:
        return "worked answers without one number at their end"
    return None if said == value else GOLDS_DIFFER


def calculations(answer: str) -> tuple[int, list[str]]:
    """How many `<<6*2=12>>` the worked answer holds, and those that do not come out, or cannot be read."""
    found = CALCULATION.findall(answer)
    return len(found), [text for text in found if not _comes_out(text)]


def _comes_out(text: str) -> bool:
    left, equals, right = text.rpartition("=")
    said = read_number(PERCENT.sub(r"\1", right.translate(SIGNS)).strip())
    if not equals or said is None:
        return False
    source = PERCENT.sub(r"(\1/100)", BESIDE.sub("*", left.translate(SIGNS)))
    try:
        for part in source.split("="):  # 2+3=1+4=5
            value = compile_expression(part, "calculation")({})
            if not is_number(value) or not _close(Fraction(number(value)), right, said):
                return False
    except (TemplateError, DrawError):
        return False
    return True


def _close(value: Fraction, written: str, said: int | Fraction) -> bool:
    """Equal, or rounded to the decimals that are written."""
    _, point, decimals = written.strip().partition(".")
    shown = len(re.match(r"\d*", decimals)[0]) if point else 0  # type: ignore[index]
    if value == said or (value * 100 == said and "%" in written):
        return True
    return bool(point) and abs(value - said) * 2 <= Fraction(1, 10**shown)
