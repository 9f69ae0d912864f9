"""Quantise a checkpoint to 8, 4, 3 or 2 bits with GPTQ, in the format that AutoGPTQ's readers and vLLM load.

python training/gptq.py --config training/configs/gptq.yaml --parent runs/sft --output runs/gptq4
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcqa_training import rows, stage

import torch

from mcqa_suite.backend import pretrained
from mcqa_suite.backend.row_tokens import prompt_text
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.manifest import complete_folder, usable_cores, without_volatile
from mcqa_suite.ladder.stage_settings import GptqSettings, read_rows

if usable_cores() <= 2:
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")  # the default of one worker fails at load
# Without a GPU the packer is compiled at first use, which takes half a minute and a compiler.
os.environ.setdefault("GPTQMODEL_DISABLE_PACK_EXT", "1")

from gptqmodel import GPTQModel, QuantizeConfig


def configs(settings: GptqSettings, where: str, folder: str = "") -> QuantizeConfig:
    """What GPTQModel makes of the settings; `folder` takes the layers that it moves out of memory ("": one that it makes)."""
    names = ("bits", "group_size", "desc_act", "act_group_aware", "sym", "damp_percent")
    try:
        return QuantizeConfig(
            **{name: getattr(settings, name) for name in names}, format="gptq", offload_to_disk_path=folder
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {' '.join(str(error).split())}") from error


def main() -> None:
    args, settings = stage.start("gptq", __doc__, configs)
    check_widths(args.parent, stage.check_quantisable(args.parent), settings.group_size)
    data, fingerprints = read_rows(settings)
    if not data:
        raise DatasetError(f"{args.config}: no rows to calibrate on; see n and split of calibration")
    chat = stage.rows_template(args, settings)
    examples = calibration(data, args.parent, chat)
    pretrained.check_weights(args.parent)  # GPTQModel draws what is missing by chance
    with pretrained.without_code(args.parent) as parent, tempfile.TemporaryDirectory() as scratch:
        with (
            stage.enough_memory(args, "batch_size", settings.batch_size, "lower it, or calibrate on fewer rows"),
            contextlib.chdir(scratch),  # GPTQModel writes logs/ into the working directory.
        ):
            model = GPTQModel.load(
                str(parent),
                configs(settings, str(args.config), f"{scratch}/layers"),
                device="cuda" if stage.GPU else "cpu",
                dtype=getattr(torch, settings.dtype),
            )
            model.quantize(examples, batch_size=settings.batch_size)
        with complete_folder(args.output) as folder:
            model.save(str(folder))
            losses = tidy(folder)
            metrics = {"mean_layer_loss": sum(losses) / len(losses), "layers": len(losses)}
            facts = {"data": fingerprints, "rows_chat_template": chat, "metrics": metrics}
            stage.finish(folder, args, settings, ("gptqmodel", "optimum"), **facts)


def calibration(data: Sequence[rows.Row], parent: Path, chat: ChatTemplate) -> list[str | dict[str, list[int]]]:
    """The rows as GPTQModel takes them: texts, and the tokens of those that are written with the chat template."""
    templated = [row for row in data if chat[row["format"]]]
    plain = [prompt_text(row) + row["completion"] for row in data if not chat[row["format"]]]
    tokenizer = pretrained.read_tokenizer(parent) if templated else None
    wholes = [example["input_ids"] for example in rows.completions(templated, tokenizer, chat)]
    return [*plain, *({"input_ids": whole, "attention_mask": [1] * len(whole)} for whole in wholes)]


def check_widths(parent: Path, config: dict[str, Any], group_size: int) -> None:
    """ConfigError for layer widths on which GPTQModel would fail in the middle of its work."""
    divisor = max(32, group_size)
    for name in ("hidden_size", "intermediate_size"):
        if (width := config.get(name)) and width % divisor:
            raise ConfigError(
                f"{parent}: {name} {width} is not a multiple of {divisor}; lower group_size (at least 32)"
            )


def tidy(folder: Path) -> list[float]:
    """Remove temporary paths from the configs, and return the loss of every layer from the log."""
    for name in ("config.json", "quantize_config.json"):
        path = folder / name
        plain = without_volatile(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    with (folder / "quant_log.csv").open(encoding="utf-8") as stream:
        return [float(row["loss"]) for row in csv.DictReader(stream)]


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
