"""GPTQ checkpoints on a CPU."""

from __future__ import annotations

from typing import Any


def load_quantised(checkpoint: str, dtype: str) -> Any:
    """A GPTQ checkpoint's model for a CPU, in plain torch operations; None for any other checkpoint.

    The kernel that is picked by itself has to be compiled for a minute at first use, and it multiplies 4-bit weights in
    bfloat16 whatever the dtype, so that rungs would differ by more than their bits.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(checkpoint)
    told = getattr(config, "quantization_config", None)
    if not isinstance(told, dict) or told.get("quant_method") != "gptq":
        return None
    config.quantization_config = {**told, "backend": "torch"}
    return AutoModelForCausalLM.from_pretrained(
        checkpoint, config=config, dtype=getattr(torch, dtype), use_safetensors=True
    )
