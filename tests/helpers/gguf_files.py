"""A GGUF file of a random two-layer Llama with a byte-level vocabulary, written by the `gguf` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
HIDDEN, FEED_FORWARD, LAYERS, HEADS = 64, 128, 2, 2


def write_gguf(path: Path, *, architecture: str = "llama", quantisation: str = "Q8_0", without: str = "") -> Path:
    """Write the file; `without` is the name of a tensor that is left out."""
    import gguf

    writer, kind = gguf.GGUFWriter(path, architecture), gguf.GGMLQuantizationType[quantisation]
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{quantisation}"])
    vocabulary = add_tokenizer(writer)
    for name, weights in tensors(len(vocabulary)).items():
        if name == without:
            continue
        if weights.ndim == 1:
            writer.add_tensor(name, weights)
        else:
            writer.add_tensor(name, gguf.quants.quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_tokenizer(writer: Any) -> list[str]:
    """Add byte-level tokens, the special ones first, one merge and a chat template; return the tokens."""
    from tokenizers import pre_tokenizers

    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet()), "he"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    return tokens


def tensors(n_tokens: int) -> dict[str, np.ndarray]:
    """Random weights under the names of the format."""
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.normal(0, 0.1, (rows, columns)).astype(np.float32)

    weights = {"token_embd.weight": matrix(n_tokens, HIDDEN), "output_norm.weight": np.ones(HIDDEN, np.float32)}
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        weights |= {f"{block}.{name}.weight": np.ones(HIDDEN, np.float32) for name in ("attn_norm", "ffn_norm")}
        weights |= {
            f"{block}.{name}.weight": matrix(HIDDEN, HIDDEN) for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        }
        weights |= {f"{block}.{name}.weight": matrix(FEED_FORWARD, HIDDEN) for name in ("ffn_gate", "ffn_up")}
        weights[f"{block}.ffn_down.weight"] = matrix(HIDDEN, FEED_FORWARD)
    return weights
