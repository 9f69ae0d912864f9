"""Quantise a checkpoint with bitsandbytes, int8 or 4 bits (nf4, fp4): no calibration, for comparison with GPTQ.

python training/bnb.py --config training/configs/bnb.yaml --parent runs/sft --output runs/nf4
"""

from __future__ import annotations

import sys

from mcqa_training import stage, weights

import torch
from transformers import BitsAndBytesConfig

from mcqa_suite.backend import pretrained
from mcqa_suite.common import extras
from mcqa_suite.common.manifest import complete_folder
from mcqa_suite.ladder.stage_settings import BnbSettings


def configs(settings: BnbSettings, where: str) -> BitsAndBytesConfig:
    extras.require(where, "bnb")
    if settings.format == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return weights.four_bits(settings.dtype, settings.format, settings.double_quant)


def main() -> None:
    args, settings = stage.start("bnb", __doc__, configs)
    stage.check_quantisable(args.parent)
    with stage.enough_memory(args, "dtype", settings.dtype, "use a shorter one, or a larger machine"):
        model = pretrained.read_model(
            weights.LANGUAGE_MODEL,
            args.parent,
            dtype=getattr(torch, settings.dtype),
            quantization_config=configs(settings, str(args.config)),
            device_map={"": "cuda:0" if stage.GPU else "cpu"},
        )
    with complete_folder(args.output) as folder:
        model.save_pretrained(folder)  # before any forward pass, which on a CPU packs the weights for that CPU
        pretrained.read_tokenizer(args.parent).save_pretrained(folder)
        stage.finish(folder, args, settings, ("bitsandbytes",))


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
