"""Trains a reward model on chosen and rejected answers: a sequence classifier with one label, for best-of-n.

python training/reward.py --config training/configs/reward.yaml --parent runs/sft --output runs/reward
accelerate launch training/reward.py --config training/configs/reward.yaml --parent runs/sft --output runs/reward
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from datasets import Dataset
from mcqa_training import (
    margins,
    rows,
    stage,  # first: it sets what torch reads when imported
    weights,
)
from peft import LoraConfig
from transformers import set_seed
from trl import RewardConfig, RewardTrainer

from mcqa_suite.common.manifest import HELD_OUT
from mcqa_suite.ladder.stage_settings import RewardSettings, read_rows, read_settings


def configs(settings: RewardSettings, where: str, folder: str = "unused") -> tuple[RewardConfig, LoraConfig | None]:
    return stage.trainer_config(RewardConfig, settings, where, folder), weights.lora_config(settings, where, "SEQ_CLS")


def main() -> None:
    args = stage.arguments("reward", __doc__, configs)
    settings = read_settings("reward", args.config)
    with tempfile.TemporaryDirectory() as scratch:
        config, lora = configs(settings, str(args.config), scratch)
        with stage.training_memory(args, config):
            train(args, settings, config, lora)


def train(args: Any, settings: RewardSettings, config: RewardConfig, lora: LoraConfig | None) -> None:
    set_seed(settings.seed)  # before the score's weights and LoRA's matrices are drawn
    data, fingerprints = read_rows(settings)
    # FSDP's way to load in one process alone leaves the others without what no file holds: the score's new weights
    os.environ.pop("FSDP_CPU_RAM_EFFICIENT_LOADING", None)
    model, tokenizer = weights.load(args, settings, **weights.REWARD)
    chat = stage.use_chat(settings, tokenizer, str(args.config))
    rows.check(data, tokenizer, chat, *rows.limit_of(config, model))
    train_rows, held_out = rows.split(data, settings.held_out, settings.seed)

    trainer = RewardTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows.examples(train_rows, chat)),
        eval_dataset=Dataset.from_list(rows.examples(held_out, chat)) if held_out else None,
        processing_class=tokenizer,
        peft_config=lora,
        callbacks=[stage.StopAtNaN()],
    )
    trainer.train()
    # in every process from here on: weights that are sharded take all of them
    scored = scores(trainer, tokenizer, held_out, chat)
    weights.save_trained(
        trainer,
        tokenizer,
        args,
        "reward",
        settings,
        {HELD_OUT: margins.as_lines(scored)},
        data=fingerprints,
        chat_template=chat,
        metrics=margins.summary(scored, held_out),
    )


def scores(trainer: RewardTrainer, tokenizer: Any, pairs: list[rows.Row], chat: bool) -> list[margins.Scored]:
    model, size = trainer.accelerator.unwrap_model(trainer.model), trainer.args.per_device_eval_batch_size
    chosen, rejected = (
        margins.sequence_scores(model, tokenizer, pairs, key, chat, size) for key in ("chosen", "rejected")
    )
    return [
        margins.Scored(row["id"], row["group"], good, bad)
        for row, good, bad in zip(pairs, chosen, rejected, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
