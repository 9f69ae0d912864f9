"""Odds-ratio preference optimisation (ORPO): chosen answers learned and preferred in one stage, without a reference.

python training/orpo.py --config training/configs/orpo.yaml --parent training/base --output runs/orpo
accelerate launch training/orpo.py --config training/configs/orpo.yaml --parent training/base --output runs/orpo

TRL keeps ORPO among its experiments, whose interface may change with any release: hence a script apart, and a TRL that is
pinned.
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

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from mcqa_suite.common.manifest import HELD_OUT
from mcqa_suite.ladder.stage_settings import OrpoSettings, read_rows, read_settings


class WholeBatch(ORPOTrainer):  # type: ignore[misc]
    """TRL's, except that the loss of the chosen answers is a mean over the tokens of all processes, not of each one's own."""

    def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> Any:
        found = super().concatenated_forward(model, batch)
        if self.accelerator.num_processes == 1:
            return found
        tokens = batch["chosen_attention_mask"][:, 1:].sum().float()
        loss = found[4] * tokens / self.accelerator.reduce(tokens, "mean")
        return (*found[:4], loss, *found[5:])


def configs(settings: OrpoSettings, where: str, folder: str = "unused") -> tuple[ORPOConfig, LoraConfig | None]:
    return stage.trainer_config(ORPOConfig, settings, where, folder), weights.lora_config(settings, where)


def main() -> None:
    args = stage.arguments("orpo", __doc__, configs)
    settings = read_settings("orpo", args.config)
    with tempfile.TemporaryDirectory() as scratch:
        config, lora = configs(settings, str(args.config), scratch)
        with stage.training_memory(args, config):
            train(args, settings, config, lora)


def train(args: Any, settings: OrpoSettings, config: ORPOConfig, lora: LoraConfig | None) -> None:
    set_seed(settings.seed)  # before LoRA's matrices are drawn
    data, fingerprints = read_rows(settings)
    model, tokenizer = weights.load(args, settings)
    chat = stage.use_chat(settings, tokenizer, str(args.config))
    rows.check(data, tokenizer, chat, *rows.limit_of(config, model))
    train_rows, held_out = rows.split(data, settings.held_out, settings.seed)

    trainer = WholeBatch(
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
    scored = mean_logps(trainer, tokenizer, held_out, chat)
    weights.save_trained(
        trainer,
        tokenizer,
        args,
        "orpo",
        settings,
        {HELD_OUT: margins.as_lines(scored)},
        data=fingerprints,
        chat_template=chat,
        metrics=margins.summary(scored, held_out),
    )


def mean_logps(trainer: ORPOTrainer, tokenizer: Any, pairs: list[rows.Row], chat: bool) -> list[margins.Scored]:
    """ORPO's own measure of an answer: the mean log-probability of its tokens, so that length alone decides nothing."""
    model, size = trainer.accelerator.unwrap_model(trainer.model), trainer.args.per_device_eval_batch_size
    chosen, rejected = (
        [total / n for total, n in margins.sequence_logps(model, tokenizer, pairs, key, chat, size)]
        for key in ("chosen", "rejected")
    )
    return [
        margins.Scored(row["id"], row["group"], good, bad)
        for row, good, bad in zip(pairs, chosen, rejected, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
