"""Quantises a checkpoint with bitsandbytes, int8 or 4 bits (nf4, fp4): no calibration, for comparison with GPTQ.

python training/bnb.py --config training/configs/bnb.yaml --parent runs/sft --output runs/nf4
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from mcqa_training import stage  # first: it sets what torch reads when imported
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from mcqa_suite.common import extras
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import complete_folder, hardware, versions
from mcqa_suite.ladder.stage_settings import BnbSettings, read_settings


def main() -> None:
    args = stage.arguments("bnb", __doc__)
    settings = read_settings("bnb", args.config)
    extras.require(str(args.config), "bnb")
    parent = stage.whole_parent(args)
    if "quantization_config" in json.loads((parent / "config.json").read_text(encoding="utf-8")):
        raise CheckpointError(f"{parent}: is quantised already; quantise its parent")

    with stage.enough_memory(str(args.config), "dtype", settings.dtype, "use a shorter one, or a larger machine"):
        model = AutoModelForCausalLM.from_pretrained(
            parent,
            dtype=getattr(torch, settings.dtype),
            quantization_config=quantisation(settings),
            use_safetensors=True,
            device_map={"": "cuda:0" if stage.GPU else "cpu"},
        )
    with complete_folder(Path(args.output)) as folder:
        model.save_pretrained(folder)  # before any forward pass, which on a CPU packs the weights for that CPU
        AutoTokenizer.from_pretrained(parent).save_pretrained(folder)
        stage.finish(
            folder,
            args.output,
            parent,
            "bnb",
            settings,
            hardware=hardware(torch.cuda.get_device_name() if stage.GPU else None),
            versions=versions("torch", "transformers", "bitsandbytes"),
        )


def quantisation(settings: BnbSettings) -> BitsAndBytesConfig:
    if settings.format == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=settings.format,
        bnb_4bit_use_double_quant=settings.double_quant,
        bnb_4bit_compute_dtype=getattr(torch, settings.dtype),
    )


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
