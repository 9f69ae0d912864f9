"""Tiny random models of many families, and both backends on one of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from mcqa_suite.backend.prefix.model import PrefixLM

LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
FULL = {"sliding_window": None}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
# model type (or a name for it) -> configuration
CONFIGS = {
    "llama": LLAMA,
    "gpt2": GPT,
    "qwen2": LLAMA,
    "qwen3": LLAMA | {"head_dim": 8},
    "mistral": LLAMA | FULL,
    "gemma": LLAMA | {"head_dim": 8},
    "phi": LLAMA,
    "phi3": LLAMA | FULL | {"pad_token_id": 0},
    "olmo2": LLAMA,
    "smollm3": LLAMA | {"pad_token_id": 0},
    "granite": LLAMA | {"logits_scaling": 4.0},
    "cohere": LLAMA | {"logit_scale": 0.5},
    "gpt_neox": LLAMA,
    "opt": {"hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    | {"max_position_embeddings": 256, "word_embed_proj_dim": 32},
    "falcon": LLAMA | {"alibi": False, "new_decoder_architecture": True, "num_kv_heads": 2},
    "mixtral": LLAMA | FULL | EXPERTS,
    "stablelm": LLAMA,
    "glm4": LLAMA | {"head_dim": 8, "pad_token_id": 0},
    "starcoder2": LLAMA | FULL,
    "nemotron": LLAMA | {"head_dim": 8},
    # refused
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 256},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gpt_neo": {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}
    | {"window_size": 16, "max_position_embeddings": 256},
    "gemma2": LLAMA | {"head_dim": 8, "sliding_window": 32},
    "gemma3_text": LLAMA | {"head_dim": 8, "sliding_window": 32},
    "mistral window": LLAMA | {"sliding_window": 32},
    "phi3 longrope": LLAMA
    | FULL
    | {"pad_token_id": 0, "original_max_position_embeddings": 64}
    | {
        "rope_parameters": {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "original_max_position_embeddings": 64,
            "short_factor": [1.0] * 4,
            "long_factor": [4.0] * 4,
        }
    },
    "llama dynamic": LLAMA | {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}},
    "falcon alibi": LLAMA | {"alibi": True},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
    "lfm2": LLAMA | {"layer_types": ["conv", "full_attention"]},
}
REFUSED = {
    "mpt": "ALiBi",
    "bloom": "ALiBi",
    "falcon alibi": "ALiBi",
    "gpt_neo": "local attention",
    "gemma2": "sliding_attention",
    "gemma3_text": "sliding_attention",
    "mistral window": "sliding_window 32",
    "phi3 longrope": "positions of type longrope",
    "llama dynamic": "positions of type dynamic",
    "mamba": "recurrent state",
    "lfm2": "layers of type conv",
}
FAMILIES = [name for name in CONFIGS if name not in REFUSED]
REFUSED_BY_TEST = ["mpt", "bloom", "gpt_neo", "mamba"]


@cache
def tokenizer():
    """One token a byte; `<eos>` begins what has no context."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    byte_level = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(["<eos>", *alphabet])}, merges=[]))
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=byte_level, eos_token="<eos>", pad_token="<eos>")


def random_model(name: str, attention: str | None = None, seed: int = 0):
    """Two layers whose weights are large enough that a wrong mask or position shows in the scores."""
    torch.manual_seed(seed)
    settings = {"vocab_size": 257, "bos_token_id": 0, "eos_token_id": 0} | CONFIGS[name]
    config = transformers.AutoConfig.for_model(name.split()[0], **settings)
    config._attn_implementation = attention
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.25)
    return model


def pair(model, **settings):
    """Ours and the stock backend on the same model."""
    settings = {"tokenizer": tokenizer(), "batch_size": 3, "max_length": 256, "logits_cache": False} | settings
    return PrefixLM(model, **settings), HFLM(model, softmax_dtype="float32", **settings)


def scores(lm, requests):
    return np.array([value for value, _ in lm.loglikelihood(requests, disable_tqdm=True)])


def save_model(folder, seed):
    """The folder of a saved random model and its tokenizer."""
    path = folder / f"checkpoint{seed}"
    random_model("llama", seed=seed).save_pretrained(path)
    tokenizer().save_pretrained(path)
    return str(path)


def language_model(checkpoint, path, **settings):
    return PrefixLM(checkpoint, device="cpu", cache=str(path), **({"dtype": "float32"} | settings))


def options(n=4):
    """Two options of each of `n` questions, as the harness requests their log-likelihoods."""
    return [
        Instance("loglikelihood", {}, (f"Question {i}? Answer:", option), k, ("task", i, 1))
        for i in range(n)
        for k, option in enumerate((" A", " B"))
    ]
