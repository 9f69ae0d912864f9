"""The harness's tokenisation of (context, continuation), each distinct text once and many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from lm_eval.models.utils import has_bos_prefix

from mcqa_suite.backend.prefix.tree import Ints
from mcqa_suite.common.errors import LoglikelihoodError

AT_A_TIME = 1024


def encode_pairs(lm: Any, pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> list[tuple[Ints, Ints]]:
    """Tokens of context and continuation, by the rule of `TemplateLM.loglikelihood`; equal contexts share an array.

    Spaces at the end of a context go to the continuation; context + continuation is tokenised whole, and the continuation
    is what follows as many tokens as the context alone has; an empty context is the tokenizer's prefix token, unless the
    continuation begins with it. LoglikelihoodError names the request (`names`) that has nothing to score.
    """
    encoded: list[tuple[Ints, Ints]] = []
    for start in range(0, len(pairs), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        encoded += _encode_part(lm, pairs[part], names[part])
    return encoded


def _encode_part(lm: Any, pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> list[tuple[Ints, Ints]]:
    moved = [_move_spaces(*pair) for pair in pairs if pair[0]]
    whole = tokens_of(lm, [text for context, continuation in moved for text in (context, context + continuation)])
    alone = tokens_of(lm, [continuation for context, continuation in pairs if not context], add_special_tokens=False)
    encoded = []
    for (context, continuation), name in zip(pairs, names, strict=True):
        if context:
            stripped, rest = _move_spaces(context, continuation)
            before = whole[stripped]
            after = whole[stripped + rest][len(before) :].copy()  # a view would keep the whole in memory
        else:
            before, after = np.array([lm.prefix_token_id]), alone[continuation]
            if len(after) and after[0] == lm.prefix_token_id:
                before, after = after[:1], after[1:]
        check(name, continuation, before, after, lm.max_length)
        encoded.append((before, after))
    return encoded


def check(name: str, continuation: str, before: Ints, after: Ints, max_length: int) -> None:
    """LoglikelihoodError for a request that has no log-likelihood."""
    if not len(after):
        raise LoglikelihoodError(
            f"{name}: the option {continuation!r} tokenises to nothing, so it has no score; correct the option"
        )
    if not len(before):
        raise LoglikelihoodError(f"{name}: the context of {continuation!r} tokenises to nothing; correct the prompt")
    if len(after) > max_length:
        raise LoglikelihoodError(
            f"{name}: the option {continuation[:40]!r}... has {len(after)} tokens, the model reads {max_length};"
            " shorten it, or set max_length in --model_args if the model can read more"
        )


def _move_spaces(context: str, continuation: str) -> tuple[str, str]:
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation


def row_of(before: Ints, after: Ints, max_length: int) -> Ints:
    """What the model reads to score `after`: both less the last token, cut from the left to `max_length`."""
    if len(after) == 1:
        return before[-max_length:]
    return np.concatenate([before, after[:-1]])[-max_length:]


def tokens_of(lm: Any, texts: Sequence[str], **special: Any) -> dict[str, Ints]:
    """`lm.tok_encode` of each distinct text."""
    bos = lm.tokenizer.decode(lm.prefix_token_id)
    default = {} if lm.add_bos_token is None else {"add_special_tokens": lm.add_bos_token}
    distinct = list(dict.fromkeys(texts))
    with_bos = [text for text in distinct if not special and has_bos_prefix(text, bos)]
    others = [text for text in distinct if special or not has_bos_prefix(text, bos)]
    tokens: dict[str, Ints] = {}
    for group, settings in ((with_bos, {"add_special_tokens": False}), (others, special or default)):
        if group:
            ids = lm.tokenizer(group, return_attention_mask=False, return_token_type_ids=False, **settings)["input_ids"]
            tokens.update(zip(group, (np.array(row, dtype=np.int64) for row in ids), strict=True))
    return tokens
