"""Fine-tune a checkpoint on prompts and completions: LoRA by default, QLoRA, or all weights.

python training/sft.py --config training/configs/sft.yaml --parent runs/base --output runs/sft
accelerate launch training/sft.py --config training/configs/sft.yaml --parent runs/base --output runs/sft
"""

from __future__ import annotations

import sys

from mcqa_training import resume, rows, stage, weights

from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from mcqa_suite.ladder.stage_settings import SftSettings, read_rows


def configs(settings: SftSettings, where: str, folder: str = "unused") -> tuple[SFTConfig, LoraConfig | None]:
    config = stage.trainer_config(SFTConfig, settings, where, folder, completion_only_loss=True)
    return config, weights.lora_config(settings, where)


def main() -> None:
    args, settings = stage.start("sft", __doc__, configs)
    with stage.training(args, settings, configs) as (config, lora):
        data, fingerprints = read_rows(settings)
        model, tokenizer = weights.load(args, settings)
        chat = stage.rows_template(args, settings)
        rows.check(data, tokenizer, chat, *rows.limit_of(config, model))

        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows.completions(data, tokenizer, chat)),
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[stage.StopAtNaN()],
        )
        trainer.train(resume_from_checkpoint=resume.last_saved(args, config, data))
        weights.save_trained(trainer, tokenizer, args, settings, data=fingerprints, rows_chat_template=chat)


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
