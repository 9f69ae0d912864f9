"""A small model with random weights and a byte-level tokenizer, made on the spot: a base that needs no download."""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.checkpoints import check_complete, checkpoint_size
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import Manifest, content_hash, hardware, read_manifest, write_manifest

NAME = "random-model"  # as the base of a recipe
CONTEXT = 2048  # tokens, of one byte each
END = "<eos>"
CHAT_TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>\n{{ message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>\n{% endif %}"
)


@dataclass(frozen=True)
class Shape:
    """The arguments of `LlamaConfig`; 32 divides every width, so that GPTQ's smallest groups fit."""

    hidden_size: int = 32
    intermediate_size: int = 64
    num_hidden_layers: int = 2
    num_attention_heads: int = 2
    max_position_embeddings: int = CONTEXT
    tie_word_embeddings: bool = True


def random_model(folder: Path, seed: int = 0) -> Path:
    """The folder of the model, which is written if it is not there as `write_random_model` would write it."""
    settings = _settings(Shape(), seed)
    with suppress(CheckpointError):
        check_complete(folder)
        if read_manifest(folder).settings == settings:
            return folder
    partial = folder.with_name(f".{folder.name}.partial")
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    write_random_model(partial, seed=seed)
    facts = Manifest("base", NAME, None, settings, content_hash(partial), seed, hardware(), 0.0)
    write_manifest(partial, dataclasses.replace(facts, size=checkpoint_size(partial)))
    partial.rename(folder)
    return folder


def write_random_model(folder: Path, shape: Shape | None = None, seed: int = 0) -> None:
    """Write a Llama with random weights, its tokenizer and its chat template; a seed gives the same bytes each time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    ends = dict.fromkeys(("bos_token_id", "eos_token_id"), tokenizer.eos_token_id)
    config = LlamaConfig(vocab_size=len(tokenizer), **ends, **dataclasses.asdict(shape or Shape()))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)


def _settings(shape: Shape, seed: int) -> dict[str, Any]:
    return {**dataclasses.asdict(shape), "seed": seed, "chat_template": CHAT_TEMPLATE}


def _tokenizer() -> Any:
    """A token for each byte, and `END`, which also pads."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([END, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizer, eos_token=END, pad_token=END, chat_template=CHAT_TEMPLATE)
