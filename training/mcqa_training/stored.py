"""The type that weights are stored in."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mcqa_suite.common.errors import ConfigError

WIDE = (torch.float32, torch.float64)
# Ends of names: the state of a tensor that bitsandbytes quantised, which it reads in float32 only.
QUANT_STATE = (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".SCB")
INDEX = "model.safetensors.index.json"


def store(folder: Path, dtype: str, where: str) -> None:
    """Round the float32 weights of a checkpoint or an adapter to `dtype`, one file after the other.

    Quantised weights, and scales in 16 bits, stay as they are. ConfigError names `where` for a weight that `dtype` cannot hold.
    """
    if dtype == "float32":
        return
    n_bytes = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            tensors = {name: _narrow(name, file.get_tensor(name), dtype, where) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
        partial = path.with_suffix(".partial")  # the tensors that stay are still read from the old file
        save_file(tensors, partial, metadata)
        partial.replace(path)
        n_bytes += sum(tensor.nbytes for tensor in tensors.values())
    for name, key, value in (("config.json", "dtype", dtype), (INDEX, "metadata", {"total_size": n_bytes})):
        if (path := folder / name).is_file():
            content = json.loads(path.read_text(encoding="utf-8")) | {key: value}
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _narrow(name: str, tensor: torch.Tensor, dtype: str, where: str) -> torch.Tensor:
    if tensor.dtype not in WIDE or name.endswith(QUANT_STATE):
        return tensor
    narrow = tensor.to(getattr(torch, dtype))
    if not torch.isfinite(narrow).all():
        raise ConfigError(f"{where}: save_dtype: a weight of {name} does not fit {dtype}; set save_dtype: bfloat16")
    return narrow
