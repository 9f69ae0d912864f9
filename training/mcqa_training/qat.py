"""Quantisation-aware training: while it trains, a model computes with its weights rounded as GPTQ rounds them.

The weights themselves stay whole: rounding them is the work of a GPTQ stage with the same bits and group size.
Source: Jacob et al. 2018 (arXiv:1712.05877), as torchao implements it.
"""

from __future__ import annotations

from typing import Any

import torch

from mcqa_suite.backend import processes
from mcqa_suite.common import extras
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.library_errors import without_deprecations
from mcqa_suite.ladder.stage_settings import QatSettings


def prepare(model: Any, settings: QatSettings, where: str) -> None:
    """Let all linear layers of a model but its output layer compute with rounded weights, until `finish`.

    ConfigError where torchao is missing, several processes train, or the group size does not divide the width of a layer.
    """
    extras.require(where, "gptq")
    without_deprecations()
    from torchao.quantization import quantize_
    from torchao.quantization.qat import IntxFakeQuantizeConfig, QATConfig

    if processes.world() > 1:
        raise ConfigError(f"{where}: only a training in one process can use it; remove it, or set processes: 1")
    output = model.get_output_embeddings()
    linear = {name: each for name, each in model.named_modules() if isinstance(each, torch.nn.Linear)}
    layers = {name: each for name, each in linear.items() if each is not output}
    size = settings.group_size
    for name, layer in layers.items():
        if layer.in_features % size:
            width = f"the width {layer.in_features} of {name}"
            raise ConfigError(f"{where}: group_size {size} does not divide {width}; choose a divisor, such as 32")
    weights = IntxFakeQuantizeConfig(getattr(torch, f"int{settings.bits}"), group_size=size)
    quantize_(model, QATConfig(weight_config=weights, step="prepare"), filter_fn=lambda _, name: name in layers)


def finish(model: Any) -> None:
    """Give a model that `prepare` changed its ordinary layers back, with the weights that were trained."""
    from torchao.quantization import quantize_
    from torchao.quantization.qat import QATConfig

    quantize_(model, QATConfig(step="convert"))
