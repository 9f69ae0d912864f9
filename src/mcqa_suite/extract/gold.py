"""Read gold answers with the same code as predictions, so that both have the same form."""

from __future__ import annotations

import string
from fractions import Fraction

from mcqa_suite.extract.statements import one_value, values_in
from mcqa_suite.extract.text import clean_view, number_view

LABELS = "12345678"  # ARC: some rows are labelled "1" to "4" where others are "A" to "D"
GOLD_MARK = "####"  # GSM8K and GSM-Symbolic: "... so 6 * 180 = 1,080.\n#### 1,080"


def gold_number(value: str) -> str:
    """The canonical decimal string of a gold number; ValueError where there is not exactly one: "[-4, 9]", "10\\pi"."""
    view = number_view(value.rsplit(GOLD_MARK, 1)[-1])
    numbers = values_in(view, 0, len(view.clean))
    if len(numbers) != 1:
        raise ValueError(f"gold number {value[-80:]!r}: {len(numbers)} numbers after {GOLD_MARK!r}; expected one")
    reading = one_value(view, "gold", 0, len(view.clean))
    if reading is None or not isinstance(reading.answer, str):
        raise ValueError(f"gold number {value[-80:]!r}: an expression, a pair or a bound; expected one number")
    return reading.answer


def same_number(answer: str | None, gold: str) -> bool:
    """Whether two canonical decimal strings differ by at most a millionth (13/3 is read as 4.333333333333)."""
    return answer is not None and abs(Fraction(answer) - Fraction(gold)) <= Fraction(1, 10**6)


def gold_letter(value: str | int, n_choices: int) -> str:
    """The letter of a gold answer, see `gold_index`; also raises ValueError for an option behind Z."""
    index = gold_index(value, n_choices)
    if index >= len(string.ascii_uppercase):
        raise ValueError(f"gold answer {value!r}: option {index + 1} has no letter")
    return string.ascii_uppercase[index]


def gold_index(value: str | int, n_choices: int) -> int:
    """The index of a gold answer: "B", "(b)", a label "1" to "8" counted from 1, or an index counted from 0."""
    letters = string.ascii_uppercase[:n_choices]
    if isinstance(value, bool):
        index = -1  # JSON's true is no index 1
    elif isinstance(value, int):
        index = value
    else:
        label = clean_view(value).clean.strip(" ()[].:\n").upper()
        position = LABELS.find(label) if len(label) == 1 else -1
        index = position if position >= 0 else letters.find(label or "?")
    if not 0 <= index < n_choices or (isinstance(value, str) and len(label) != 1):
        expected = f"one of {', '.join(letters)}, a label 1-{len(LABELS[:n_choices])} or an index below {n_choices}"
        raise ValueError(f"gold answer {value!r}: expected {expected}")
    return index
