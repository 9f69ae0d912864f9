"""Which checkpoints can be loaded, and how: an adapter on its recorded parent alone, GPTQ on a CPU in plain torch, and without
the decoding settings of a checkpoint."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from mcqa_suite.backend.decoding import drop_decoding
from mcqa_suite.backend.pretrained import local_folder, read_config, read_model, read_tokenizer
from mcqa_suite.common.checkpoints import check_parent, is_adapter, optional_manifest, tensor_entries
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.library_errors import without_deprecations

# Of the weights that `keep_dequantised` keeps: those of a model with a billion parameters in float32.
KEPT_BYTES = 4 << 30


def check_checkpoint(checkpoint: str, base: str | None) -> None:
    """CheckpointError for what cannot be evaluated: an adapter on anything but its parent, a reward model, half a file."""
    folder = Path(checkpoint)
    if not folder.is_dir():  # a name on the hub
        if folder.is_absolute() or folder.exists():
            raise CheckpointError(f"{checkpoint}: no such folder; give another one, or rerun where a run made it")
        return
    manifest = optional_manifest(folder)
    if manifest and manifest.kind == "reward":
        raise CheckpointError(f"{checkpoint}: a reward model gives scores, not answers; evaluate its parent")
    tensor_entries(folder)
    if not is_adapter(folder):
        if base:
            raise CheckpointError(f"{checkpoint}: not an adapter, so it takes no base ({base}); leave the base out")
        return
    if base is None:
        of = f" {manifest.parent.name!r}" if manifest and manifest.parent else ""
        remedy = f"give the folder of its parent{of} as the base, or merge it first (training/merge.py)"
        raise CheckpointError(f"{checkpoint}: is an adapter; {remedy}")
    if manifest is None:
        print(f"mcqa: {checkpoint}: no manifest, so its base is not checked", file=sys.stderr)
        return
    check_parent(folder, local_folder(base))


def is_reward_model(checkpoint: str) -> bool:
    """Whether a folder, or a model on the hub, is a sequence classifier; False where `load` will say what is wrong."""
    try:
        config = read_config(checkpoint)
    except CheckpointError:
        return False
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or ())


def load(checkpoint: str, kind: str, dtype: str = "float32", **tokenizer_settings: Any) -> tuple[Any, Any]:
    """A checkpoint's model on the GPU if there is one, else the CPU, and its tokenizer with a padding token.

    `kind` is the transformers class, such as AutoModelForCausalLM. CheckpointError where it cannot be loaded.
    """
    import torch

    without_deprecations()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = read_tokenizer(checkpoint, **tokenizer_settings)
    config = kernel_for(device, read_config(checkpoint))
    model = read_model(kind, checkpoint, another_head=kind == "AutoModel", config=config, dtype=dtype)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    drop_decoding(model)
    model = model.eval().to(device)
    apply_dtype(model, getattr(torch, dtype))
    keep_dequantised(model)
    return model, tokenizer


def apply_dtype(model: Any, dtype: Any) -> None:
    """Give the unquantised weights of a bitsandbytes model the dtype that was asked for.

    transformers leaves them in the dtype of the checkpoint, so the rung would compute otherwise than its parent.
    """
    if getattr(model, "quantization_method", None) != "bitsandbytes":
        return
    for parameter in model.parameters():
        if parameter.is_floating_point() and type(parameter).__name__ not in ("Params4bit", "Int8Params"):
            parameter.data = parameter.data.to(dtype)
    model.config.dtype = dtype
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(
        logging.ERROR
    )  # a line a layer: "inputs will be cast"


def keep_dequantised(model: Any) -> None:
    """Keep the float weights of GPTQ and 4-bit bitsandbytes layers on a CPU, up to `KEPT_BYTES` in all.

    The layers unpack their weights at every pass, which takes most of the time when text is written token by token. The
    products are the same bits, except where bitsandbytes would multiply in bfloat16, whatever the dtype.
    """
    names = ("TorchLinear", "Linear4bit")  # GPTQModel's, bitsandbytes'
    layers = [layer for layer in model.modules() if type(layer).__name__ in names]
    size = sum(layer.in_features * layer.out_features for layer in layers) * model.dtype.itemsize
    if model.device.type != "cpu" or size > KEPT_BYTES:
        return
    for layer in layers:
        if type(layer).__name__ == "Linear4bit":
            _keep_4bit(layer, model.dtype)
        else:
            weights = layer.dequantize_weight().to(model.dtype)
            layer.dequantize_weight = lambda num_itr=1, weights=weights: weights


def _keep_4bit(layer: Any, dtype: Any) -> None:
    import torch
    from bitsandbytes.functional import dequantize_4bit

    weights = dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(dtype)
    bias = None if layer.bias is None else layer.bias.to(dtype)
    layer.forward = lambda x: torch.nn.functional.linear(x.to(dtype), weights, bias).to(x.dtype)


def kernel_for(device: str, config: Any) -> Any:
    """A model's configuration; for GPTQ on a CPU with the kernel in plain torch operations.

    The kernel that the library picks itself compiles for a minute at first use, and multiplies 4-bit weights in bfloat16
    whatever the dtype, so that rungs would differ by more than their bits.
    """
    quantisation = getattr(config, "quantization_config", None)
    if device == "cpu" and isinstance(quantisation, dict) and quantisation.get("quant_method") == "gptq":
        config.quantization_config = {**quantisation, "backend": "torch"}
    return config
