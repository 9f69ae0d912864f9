"""Quantises a checkpoint to 8, 4, 3 or 2 bits with GPTQ, in the format that AutoGPTQ's readers and vLLM load.

python training/gptq.py --config training/configs/gptq.yaml --parent runs/sft --output runs/gptq4
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from mcqa_training import stage  # first: it sets what torch reads when imported

from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError
from mcqa_suite.common.manifest import complete_folder, hardware, usable_cores, versions, without_volatile
from mcqa_suite.ladder.stage_settings import GptqSettings, read_rows, read_settings

if usable_cores() <= 2:
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")  # the default of one worker fails at load
# Without a GPU the packer is compiled at first use: half a minute, and a compiler that may not be there.
os.environ.setdefault("GPTQMODEL_DISABLE_PACK_EXT", "1")

import torch
from gptqmodel import GPTQModel, QuantizeConfig


def main() -> None:
    args = stage.arguments("gptq", __doc__, quantize_config)
    settings = read_settings("gptq", args.config)
    parent = stage.whole_parent(args)
    check_widths(parent, settings)
    rows, data = read_rows(settings)
    if not rows:
        raise DatasetError(f"{args.config}: no rows to calibrate on; see n and split of calibration")
    with stage.enough_memory(
        str(args.config), "batch_size", settings.batch_size, "lower it, or calibrate on fewer rows"
    ):
        model = quantise(parent, settings, rows, str(args.config))

    with complete_folder(Path(args.output)) as folder:
        model.save(str(folder))
        losses = tidy(folder)
        stage.finish(
            folder,
            args.output,
            args.parent,
            "gptq",
            settings,
            data=data,
            hardware=hardware(torch.cuda.get_device_name() if stage.GPU else None),
            versions=versions("torch", "transformers", "gptqmodel", "optimum"),
            metrics={"mean_layer_loss": sum(losses) / len(losses), "layers": len(losses)},
        )


def quantise(parent: Path, settings: GptqSettings, rows: list[dict[str, str]], where: str) -> Any:
    model = GPTQModel.load(
        str(parent),
        quantize_config(settings, where),
        device="cuda" if stage.GPU else "cpu",
        dtype=getattr(torch, settings.dtype),
    )
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:  # GPTQModel writes logs/ into the working directory
        os.chdir(scratch)
        try:
            model.quantize([row["prompt"] + row["completion"] for row in rows], batch_size=settings.batch_size)
        finally:
            os.chdir(here)
    return model


def quantize_config(settings: GptqSettings, where: str) -> QuantizeConfig:
    try:
        return QuantizeConfig(
            bits=settings.bits,
            group_size=settings.group_size,
            desc_act=settings.desc_act,
            act_group_aware=settings.act_group_aware,
            sym=settings.sym,
            damp_percent=settings.damp_percent,
            format="gptq",
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error


def check_widths(parent: Path, settings: GptqSettings) -> None:
    """Errors for a model that GPTQModel would fail on half-way."""
    config = json.loads((parent / "config.json").read_text(encoding="utf-8"))
    if "quantization_config" in config:
        raise CheckpointError(f"{parent}: is quantised already; quantise its parent")
    for name in ("hidden_size", "intermediate_size"):
        divisor = max(32, settings.group_size)
        if (width := config.get(name)) and width % divisor:
            raise ConfigError(
                f"{parent}: {name} {width} is no multiple of {divisor}; lower group_size (32 is the least)"
            )


def tidy(folder: Path) -> list[float]:
    """Removes temporary paths from the configs, and turns the log of layers into their losses."""
    for name in ("config.json", "quantize_config.json"):
        path = folder / name
        plain = without_volatile(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    with (folder / "quant_log.csv").open(encoding="utf-8") as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
