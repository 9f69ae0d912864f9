"""Fine-tunes a checkpoint on prompts and completions: LoRA by default, QLoRA, or all weights.

python training/sft.py --config training/configs/sft.yaml --parent training/base --output runs/sft
accelerate launch training/sft.py --config training/configs/sft.yaml --parent training/base --output runs/sft
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from datasets import Dataset
from mcqa_training import (
    rows,
    stage,  # first: it sets what torch reads when imported
    weights,
)
from peft import LoraConfig
from transformers import set_seed
from trl import SFTConfig, SFTTrainer

from mcqa_suite.ladder.stage_settings import SftSettings, read_rows, read_settings


def configs(settings: SftSettings, where: str, folder: str = "unused") -> tuple[SFTConfig, LoraConfig | None]:
    config = stage.trainer_config(SFTConfig, settings, where, folder, completion_only_loss=True)
    return config, weights.lora_config(settings, where)


def main() -> None:
    args = stage.arguments("sft", __doc__, configs)
    settings = read_settings("sft", args.config)
    with tempfile.TemporaryDirectory() as scratch:
        config, lora = configs(settings, str(args.config), scratch)
        with stage.training_memory(args, config):
            train(args, settings, config, lora)


def train(args: Any, settings: SftSettings, config: SFTConfig, lora: LoraConfig | None) -> None:
    set_seed(settings.seed)  # before LoRA's matrices are drawn
    data, fingerprints = read_rows(settings)
    model, tokenizer = weights.load(args, settings)
    chat = stage.use_chat(settings, tokenizer, str(args.config))
    rows.check(data, tokenizer, chat, *rows.limit_of(config, model))

    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows.examples(data, chat)),
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[stage.StopAtNaN()],
    )
    trainer.train()
    weights.save_trained(trainer, tokenizer, args, "sft", settings, data=fingerprints, chat_template=chat)


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
