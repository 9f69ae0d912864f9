"""Which models may be scored as a tree: a check of the configuration, then a small tree against plain forward passes.

Some families are *silently* wrong (MPT by 1.6 nats, GPT-Neo by 1.1), so each model is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from mcqa_suite.backend.prefix import tree as trees
from mcqa_suite.backend.prefix.forward import Forward
from mcqa_suite.backend.prefix.rows import Rows
from mcqa_suite.backend.prefix.tree import Span

FAMILIES = {"mpt": "ALiBi", "bloom": "ALiBi", "gpt_neo": "local attention", "gpt_bigcode": "its own cache"}
WINDOWS = ("sliding_window", "attention_window", "window_size", "attention_chunk_size", "local_attention")
LENGTH_DEPENDENT = {"dynamic", "longrope"}  # the rotation of a position depends on the length of the whole sequence
MASKED = {"sdpa", "eager"}  # the implementations that accept any mask
# Root mean square of the difference in log-probabilities, in units of their spread over the vocabulary.
TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 6e-2}


def refusal(model: Any, *, backend: str, max_length: int) -> str | None:
    """Why the configuration says that the model must be scored row by row; None where it gives no reason."""
    if backend != "causal" or getattr(model.config, "is_encoder_decoder", False):
        return "an encoder-decoder model"
    if any(getattr(adapter, "is_prompt_learning", False) for adapter in getattr(model, "peft_config", {}).values()):
        return "an adapter that adds virtual tokens"
    config = model.config.get_text_config(decoder=True)
    if config.model_type in FAMILIES:
        return f"{config.model_type}: {FAMILIES[config.model_type]}"
    if getattr(config, "alibi", False):
        return "ALiBi"
    if getattr(model.get_base_model() if hasattr(model, "get_base_model") else model, "_is_stateful", False):
        return "a recurrent state"
    if (reason := _layers(config, max_length) or _positions(config)) is not None:
        return reason
    attention = getattr(model.config, "_attn_implementation", None)
    if attention not in MASKED:
        return f"attention implementation {attention} accepts no custom mask; use sdpa or eager"
    return None


def _layers(config: Any, max_length: int) -> str | None:
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention", "attention"}
    if kinds:
        return f"layers of type {', '.join(sorted(kinds))}"
    if getattr(config, "use_sliding_window", None) is False:
        return None
    for name in WINDOWS:
        window = getattr(config, name, None)
        if isinstance(window, int) and 0 < window < max_length:
            return f"{name} {window}"
    return None


def _positions(config: Any) -> str | None:
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    entries = [rope, *(entry for entry in rope.values() if isinstance(entry, dict))]
    kinds = {str(entry.get("rope_type", entry.get("type"))) for entry in entries} & LENGTH_DEPENDENT
    return f"positions of type {min(kinds)}" if kinds else None


def self_test(forward: Forward, *, max_length: int) -> str | None:
    """Why a random tree scores otherwise than plain forward passes; None where it scores the same."""
    try:
        differences = list(_differences(forward, max_length))
    except Exception as error:  # anything: a model's code may not expect such masks and caches
        words = " ".join(str(error).split())[:160]
        return f"the self-test failed: {type(error).__name__}: {words}"
    finally:
        forward.cut(0)
        forward.computed = 0
    worst, bar = max(differences), TOLERANCE.get(forward.dtype, TOLERANCE[torch.float32])
    # `not <=`, for differences that are not numbers
    return None if worst <= bar else f"the self-test differs by {worst:.2g} of the spread, more than {bar:g}"


def _differences(forward: Forward, max_length: int) -> Iterator[float]:
    """Differences of a tree behind a cached path, then of rows of different lengths that get one token each."""
    vocabulary = forward.model.get_input_embeddings().weight.shape[0]
    rng = np.random.default_rng(0)
    unit = max(1, min(8, max_length // 6))
    prefix, trunk = rng.integers(vocabulary, size=2 * unit), rng.integers(vocabulary, size=unit)
    rows = [np.concatenate([prefix, rng.integers(vocabulary, size=unit + i)]) for i in range(3)]
    rows += [np.concatenate([prefix, trunk, rng.integers(vocabulary, size=i)]) for i in range(3)]
    tree, _ = trees.build(rows, [0] * len(rows))
    plain = [_plain(forward, row) for row in tree.rows]
    depth = trees.shared_depth(tree, whole := Span(0, len(tree.rows)))
    yield _distance(forward(trees.path_layout(tree, whole, depth), keep=True), plain[0][:depth])
    layout = trees.span_layout(tree, Span(0, len(tree.rows), depth))
    logits, nodes = forward(layout), layout.scored_nodes()
    for row, start, scored in layout.scored:
        yield _distance(logits[np.searchsorted(nodes, scored)], plain[row][start:])
    forward.cut(0)
    for row, last in enumerate(_last_tokens(forward, tree.rows)):
        yield _distance(last[None], plain[row][-1:])


@torch.inference_mode()
def _plain(forward: Forward, row: trees.Ints) -> torch.Tensor:
    logits: torch.Tensor = forward.model(torch.from_numpy(row)[None].to(forward.device)).logits
    return logits[0]


def _last_tokens(forward: Forward, rows: list[trees.Ints]) -> torch.Tensor:
    """Logits of each row's last token, in one pass behind the rest of the rows."""
    side_by_side: Rows | None = None
    for row in rows:
        forward.cut(0)
        tree, _ = trees.build([row], [len(row)])
        forward(trees.path_layout(tree, Span(0, 1), len(row) - 1), keep=True)
        side_by_side = side_by_side or Rows(forward, seats=len(rows), room=max(map(len, rows)))
        side_by_side.add()
    assert side_by_side is not None
    return side_by_side.step([int(row[-1]) for row in rows])


def _distance(logits: torch.Tensor, plain: torch.Tensor) -> float:
    """Root mean square of the difference of the log-probabilities, in units of their standard deviation."""
    ours, theirs = (torch.log_softmax(each.float(), -1) for each in (logits, plain))
    return float((ours - theirs).square().mean().sqrt() / theirs.std().clamp(min=1e-6))
