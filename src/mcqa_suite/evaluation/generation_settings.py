"""The settings of generation that a recipe, a configuration file or `--gen_kwargs` may set.

All others are refused: transformers would import a folder or a hub repository that `custom_generate` names.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

NAMES = (
    *("do_sample", "temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "seed"),
    *("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens", "min_new_tokens", "min_tokens"),
    *("until", "stop", "stop_strings", "eos_token_id", "pad_token_id", "bad_words_ids", "suppress_tokens"),
    *("repetition_penalty", "no_repeat_ngram_size", "presence_penalty", "frequency_penalty", "length_penalty"),
    *("num_beams", "early_stopping", "renormalize_logits", "use_cache", "ignore_eos", "reasoning_effort"),
)
# A server's variables of its chat template, such as {"enable_thinking": false}: the one setting that is a mapping.
TEMPLATE_VARIABLES = "chat_template_kwargs"


def check_generation(settings: Mapping[str, Any] | None) -> None:
    """ValueError for a setting that is not in the list, or a value that is no number, text or list of them."""
    for name, value in (settings or {}).items():
        if name == TEMPLATE_VARIABLES and isinstance(value, dict):
            if any(isinstance(each, dict | list) for each in value.values()):
                raise ValueError(f"{name}: {value!r:.80}; expected names with a number, a text, true or false")
        elif name not in NAMES:
            near = difflib.get_close_matches(str(name), NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"valid settings: {', '.join(NAMES)}"
            raise ValueError(f"{str(name)[:80]!r} is no setting of generation; {hint}")
        elif not _is_plain(value):
            raise ValueError(f"{name}: {value!r:.80}; expected a number, a text, true, false or a list of them")


def _is_plain(value: Any) -> bool:
    """Whether a value is a scalar, or a list of scalars or of lists of numbers (`bad_words_ids`)."""
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, bool | int | float | str)
