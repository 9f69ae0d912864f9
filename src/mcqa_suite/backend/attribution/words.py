"""The words of a prompt, and which of its tokens each word has."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.backend.prefix.tree import Ints
from mcqa_suite.common.errors import CheckpointError

MOST_WORDS = 200  # the last words of a prompt that are explained one by one


@dataclass(frozen=True)
class Word:
    """The characters `start` to `end` of a prompt, and the indices of their tokens."""

    start: int
    end: int
    tokens: tuple[int, ...]


def words_of(lm: Any, context: str, tokens: Ints, most: int = MOST_WORDS) -> list[Word]:
    """The words of a context with these tokens, which are what stands between white space.

    Each token belongs to one word: that of its last letter, or for white space the word before it. Tokens without text, such as
    the beginning of a sequence, belong to none. Of more than `most` words the earliest are taken together as one.
    """
    spans = [match.span() for match in re.finditer(r"\S+", context)]
    starts = [start for start, _ in spans]
    members: list[list[int]] = [[] for _ in spans]
    for index, (start, end) in enumerate(_offsets(lm, context, tokens)):
        if start < end:
            last = start + len(context[start:end].rstrip())  # behind the last letter; `start` for white space alone
            members[max(0, bisect_right(starts, max(last - 1, start)) - 1)].append(index)
    words = [Word(*span, tuple(own)) for span, own in zip(spans, members, strict=True) if own]
    early = words[: -most + 1] if len(words) > most else []
    if not early:
        return words
    return [Word(early[0].start, early[-1].end, tuple(t for word in early for t in word.tokens)), *words[len(early) :]]


def _offsets(lm: Any, context: str, tokens: Ints) -> Sequence[tuple[int, int]]:
    """The characters of each token; CheckpointError where the tokenizer does not tell them."""
    if getattr(lm.tokenizer, "is_fast", False):
        for special in (True, False):
            encoded = lm.tokenizer(context, add_special_tokens=special, return_offsets_mapping=True)
            if encoded["input_ids"] == tokens.tolist():
                offsets: list[tuple[int, int]] = encoded["offset_mapping"]
                return offsets
    raise CheckpointError(
        f"{lm.pretrained}: its tokenizer does not say which characters each token covers, so no word can be explained; "
        "give a checkpoint with a tokenizer.json"
    )
