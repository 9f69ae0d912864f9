"""Convert single values of a sample row to the form that the columns of `samples` hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from mcqa_suite.logs.rows import SampleValueError

# Metrics that are shares of right answers, from 0 to 1; a comparison uses one of them unless another is named.
METRICS = ("acc", "acc_norm", "exact_match")


def read_score(name: str, value: Any) -> float | None:
    """A metric's value in a row; None where it is no single number. SampleValueError where one of METRICS is not from 0 to 1."""
    number = isinstance(value, (int, float))
    if name in METRICS and not isinstance(value, (list, dict)) and not (number and 0 <= value <= 1):
        raise SampleValueError(f"{name} is {json.dumps(value)[:60]}, expected a number from 0 to 1")
    return float(value) if number else None


def hash_prefix(digest: str) -> int:
    """The first 8 bytes of a hexadecimal hash; of any other text, 8 bytes of its fingerprint."""
    try:
        return int.from_bytes(bytes.fromhex(digest[:16]))
    except ValueError:
        return fingerprint(digest)


def is_choice(row: Mapping[str, Any]) -> bool:
    """Whether a row holds log-likelihoods of options: (log-likelihood, is_greedy) pairs."""
    pairs = row["filtered_resps"]
    return len(pairs) > 1 and all(isinstance(p, list) and len(p) == 2 and str(p[1]) in ("True", "False") for p in pairs)


def option_texts(arguments: Any, options: int, delimiter: str) -> list[str]:
    """The continuation of each option without the delimiter before it; "" where the log has none."""
    texts = []
    for index in range(options):
        try:
            text = arguments[f"gen_args_{index}"]["arg_1"] if isinstance(arguments, dict) else arguments[index][1]
        except (KeyError, IndexError, TypeError):
            text = ""
        texts.append(str(text).removeprefix(delimiter))
    return texts


def fingerprint(value: Any) -> int:
    """8 bytes of a hash of `repr(value)`; never 0."""
    return int.from_bytes(blake2b(repr(value).encode("utf-8", "replace"), digest_size=8).digest(), "little") or 1


def option_bits(indices: Any, options: int) -> int:
    """Indices of options as bits; 0 where a value is not the index of an option."""
    chosen = indices if isinstance(indices, list) else [indices]
    if not chosen or not all(type(index) is int and 0 <= index < options for index in chosen):
        return 0
    return sum(1 << index for index in set(chosen))


def read_target(target: Any, texts: Sequence[str]) -> Any:
    """The right index or indices from a logged `str(doc_to_target(doc))`, which may be the option's text; None if unclear."""
    text = str(target).strip()
    if text in texts and not text.isdigit():
        return texts.index(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
