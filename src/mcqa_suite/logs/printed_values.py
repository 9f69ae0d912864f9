"""Numbers and lists that a log holds as printed text: `json.dump(..., default=str)` writes NumPy's and torch's values so."""

from __future__ import annotations

import math
import re
from typing import Any

# np.float32(0.5), tensor(0.5, device='cuda:0'), array(1)
PRINTED_NUMBER = re.compile(r"[\w.]+\(\s*([^\s(),]+)\s*(?:,[^()]*)?\)")
# [0.5 1. ], ['a' 'b'], array(['a', 'b'], dtype='<U1'), [(-1.5, False) (-2.0, True)]
PRINTED_LIST = re.compile(r"(?:[\w.]+\(\s*)?\[(.*)\](?:\s*,[^\[\]]*)?\)?", re.DOTALL)
ELEMENT = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,()\[\]]+)""")
BOOLS = {"True": 1.0, "False": 0.0}


def number(value: Any) -> float | None:
    """A number, also a printed one or a printed bool; None for anything else."""
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if not isinstance(value, str):
        return None
    wrapped = PRINTED_NUMBER.fullmatch(value.strip())
    text = wrapped[1] if wrapped else value.strip()
    try:
        return BOOLS[text] if text in BOOLS else float(text)
    except ValueError:
        return None


def is_printed_list(value: Any) -> bool:
    """Whether it is the text of a list or an array."""
    return isinstance(value, str) and bool(PRINTED_LIST.fullmatch(value.strip()))


def printed_elements(text: str) -> list[str]:
    """The elements of a printed list, those of lists and tuples inside it too; ValueError where its middle was left out."""
    if "'" not in text and '"' not in text:
        text = PRINTED_NUMBER.sub(r"\1", text)
    match = PRINTED_LIST.fullmatch(text.strip())
    elements = [next(filter(None, groups), "") for groups in ELEMENT.findall(match[1] if match else text)]
    if "..." in elements:
        raise ValueError("a list was printed without its middle")
    return elements


def printed_pairs(text: str) -> list[list[str]]:
    """The pairs in a printed list of pairs, such as log-likelihoods with is_greedy."""
    elements = printed_elements(text)
    return [elements[index : index + 2] for index in range(0, len(elements), 2)]
