"""How much a model must compute and hold, and how fast a machine computes: what an estimate is made of.

A token costs 2 operations a weight to read (Kaplan et al. 2020, arXiv:2001.08361, section 2.1). Activations are those of
Korthikanti et al. 2022 (arXiv:2205.05198, equation 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcqa_suite.backend.gguf_file import find_gguf, is_gguf
from mcqa_suite.backend.pretrained import read_config, read_tokenizer, said
from mcqa_suite.common.library_errors import without_deprecations

# The share of its fastest matrix product that a machine reaches in whole passes, and operations a byte of a GPU's memory.
EFFICIENCY = 0.6
OPERATIONS_A_BYTE = 150
# Measured on two cores (benchmarks/speed/estimates.py): a step's imports, loading and saving; and one of the columns that GPTQ
# rounds one after another.
STEP_SECONDS, COLUMN_SECONDS = 15.0, 3e-4
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Shape:
    """A model without its weights. `weights` are those that a token is multiplied with, `linear` the (in, out) widths of the
    layers that GPTQ quantises."""

    weights: int
    stored: int
    layers: int
    width: int
    heads: int
    cached: int  # numbers that a layer keeps of a token: its keys and values
    vocabulary: int
    linear: Sequence[tuple[int, int]]

    def activations(self, rows: int, length: int, *, size: int, checkpointing: bool) -> float:
        """Bytes that a training step keeps for its backward pass: of all layers, or of one, and the logits twice in float32."""
        a_layer = rows * length * (34 * self.width + 5 * self.heads * length) * size / 2
        layers = a_layer + self.layers * rows * length * self.width * size if checkpointing else self.layers * a_layer
        return layers + 8 * rows * length * self.vocabulary


def read_shape(base: str) -> tuple[Shape, Any]:
    """The shape and the tokenizer of a folder, a model on the hub or a GGUF file; no weight is read. CheckpointError."""
    import torch
    import transformers

    without_deprecations()
    path, settings = base, dict[str, Any]()
    if is_gguf(base):
        file = find_gguf(base)
        path, settings = str(file.parent), {"gguf_file": file.name}
    tokenizer, config = read_tokenizer(path, **settings), read_config(path, **settings)
    loader: Any = transformers.AutoModelForCausalLM
    with said(path), torch.device("meta"):
        model = loader.from_config(config, trust_remote_code=False)
    text = config.get_text_config(decoder=True)
    stored = sum(parameter.numel() for parameter in model.parameters())
    tied = model.get_input_embeddings().weight is getattr(model.get_output_embeddings(), "weight", None)
    looked_up = 0 if tied else model.get_input_embeddings().weight.numel()
    head = model.get_output_embeddings()
    heads = text.num_attention_heads
    groups = getattr(text, "num_key_value_heads", None) or heads
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
    return Shape(
        stored - looked_up,
        stored,
        text.num_hidden_layers,
        text.hidden_size,
        heads,
        2 * groups * (getattr(text, "head_dim", None) or text.hidden_size // heads),
        text.vocab_size,
        [(layer.in_features, layer.out_features) for layer in linear],
    ), tokenizer


@dataclass(frozen=True)
class Machine:
    """Operations and bytes of memory a second."""

    operations: float
    bytes: float

    def part(self, share: float) -> Machine:
        """What a share of its cores can do."""
        return Machine(share * self.operations, share * self.bytes)


def measure_machine(dtype: str) -> Machine:
    """The fastest of five matrix products in `dtype`, and of five copies of 256 MB, on the GPU if there is one."""
    import torch

    from mcqa_suite.backend.speed import best

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    left, right = (torch.randn(1024, 2048, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    block = torch.empty(64 << 20, device=device)
    product = 2 * left.numel() * right.shape[0] / best(lambda: left @ right.T, device)
    copied = 2 * block.numel() * block.element_size() / best(block.clone, device)
    return Machine(product, copied)


def machine_of(tflops: float) -> Machine:
    """A machine that reaches `tflops` in its fastest matrix product, with the memory of a GPU of that speed."""
    return Machine(1e12 * tflops, 1e12 * tflops / OPERATIONS_A_BYTE)
