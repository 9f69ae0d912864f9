"""The decoding settings of a checkpoint's generation_config.json, which have no part in its answers: a task alone sets them."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)
TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
# Parts of a generation config that change no text, or that every request sets.
UNHEARD = {"transformers_version", "_from_model_config", "use_cache", "max_length", "max_new_tokens", "do_sample"}
UNHEARD |= {"output_attentions", "output_hidden_states", "output_scores", "output_logits", "return_dict_in_generate"}


def drop_decoding(model: Any) -> dict[str, Any]:
    """Drop the decoding settings of the checkpoint's generation_config.json from a loaded model, and return them.

    transformers would use num_beams, repetition_penalty, min_new_tokens and others from that file wherever a request does not
    set them, and its own top_k of 50 for every sample; so equal weights could answer differently. Token ids stay, and an
    encoder-decoder's forced tokens, which belong to the model.
    """
    own = getattr(model, "generation_config", None)
    if own is None:
        return {}
    from transformers import GenerationConfig

    stored: dict[str, Any] = own.to_diff_dict()
    forced = bool(getattr(model.config, "is_encoder_decoder", False))
    ids = {name: stored[name] for name in stored if name in TOKEN_IDS or (forced and name.endswith("_token_id"))}
    model.generation_config = GenerationConfig(**ids)  # type: ignore[no-untyped-call]
    model.generation_config.top_k = 0  # all tokens
    return {name: value for name, value in stored.items() if name not in ids.keys() | UNHEARD}


def task_alone_decodes(model: Any, backend: str) -> dict[str, Any]:
    """`drop_decoding`, with a line in the log of `backend` where something was dropped."""
    if dropped := drop_decoding(model):
        settings = ", ".join(f"{name} {value}" for name, value in dropped.items())
        log.warning(
            "%s: the checkpoint's generation_config.json is not used (%s): a task alone sets how it is decoded",
            backend,
            settings,
        )
    return dropped
