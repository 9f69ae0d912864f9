"""Train a reward model on chosen and rejected answers: a sequence classifier with one label, for best-of-n.

python training/reward.py --config training/configs/reward.yaml --parent runs/sft --output runs/reward
accelerate launch training/reward.py --config training/configs/reward.yaml --parent runs/sft --output runs/reward
"""

from __future__ import annotations

import os
import sys

from mcqa_training import resume, rows, stage, weights

from datasets import Dataset
from peft import LoraConfig
from trl import RewardConfig, RewardTrainer

from mcqa_suite.backend import pair_scores
from mcqa_suite.ladder.stage_settings import PreferenceSettings


def configs(settings: PreferenceSettings, where: str, folder: str = "unused") -> tuple[RewardConfig, LoraConfig | None]:
    return stage.trainer_config(RewardConfig, settings, where, folder), weights.lora_config(settings, where, "SEQ_CLS")


def main() -> None:
    args, settings = stage.start("reward", __doc__, configs)
    # With this variable FSDP loads weights in one process, so the new score layer would be missing in the others.
    os.environ.pop("FSDP_CPU_RAM_EFFICIENT_LOADING", None)
    with stage.training(args, settings, configs) as (config, lora):
        data = rows.read(settings)
        model, tokenizer = weights.load(args, settings, **weights.REWARD)
        chat = stage.rows_template(args, settings)
        data = data.fitted(tokenizer, chat, *rows.limit_of(config, model))
        held_out = data.held_out

        trainer = RewardTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows.whole_pairs(data.train, tokenizer, chat)),
            eval_dataset=Dataset.from_list(rows.whole_pairs(held_out, tokenizer, chat)) if held_out else None,
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[stage.StopAtNaN()],
        )
        trainer.train(resume_from_checkpoint=resume.last_saved(args, config, data.train))

        model = trainer.accelerator.unwrap_model(trainer.model)

        def scores(key: str) -> list[float]:
            return pair_scores.sequence_scores(model, tokenizer, held_out, key, chat, config.per_device_eval_batch_size)

        scored = pair_scores.score_pairs(held_out, scores)
        metrics = data.metrics | pair_scores.summary(scored, held_out)
        facts = {**data.facts, "rows_chat_template": chat, "metrics": metrics}
        weights.save_trained(trainer, tokenizer, args, settings, pair_scores.as_files(scored), **facts)


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
