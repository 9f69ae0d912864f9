"""Fine-tune a checkpoint on prompts and completions: LoRA by default, QLoRA, or all weights.

python training/sft.py --config training/configs/sft.yaml --parent runs/base --output runs/sft
accelerate launch training/sft.py --config training/configs/sft.yaml --parent runs/base --output runs/sft
"""

from __future__ import annotations

import sys
from typing import Any

from mcqa_training import qat, resume, rows, stage, steps, weights

from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from mcqa_suite.ladder.stage_settings import SftSettings


def configs(settings: SftSettings, where: str, folder: str = "unused") -> tuple[SFTConfig, LoraConfig | None]:
    config = stage.trainer_config(SFTConfig, settings, where, folder, completion_only_loss=True)
    return config, weights.lora_config(settings, where)


def main() -> None:
    args, settings = stage.start("sft", __doc__, configs)
    with stage.training(args, settings, configs) as (config, lora):
        data = rows.read(settings)
        if settings.kept_step:
            steps.make_whole(args, settings, stage.rows_template(args, settings), data.facts)
            return
        model, tokenizer = weights.load(args, settings)
        chat = stage.rows_template(args, settings)
        data = data.fitted(tokenizer, chat, *rows.limit_of(config, model))
        if settings.qat:
            qat.prepare(model, settings.qat, f"{args.config}: qat")

        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows.completions(data.train, tokenizer, chat)),
            eval_dataset=Dataset.from_list(rows.completions(data.held_out, tokenizer, chat)) if data.held_out else None,
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[stage.StopAtNaN(), steps.Keep(args, settings)],
        )
        trainer.train(resume_from_checkpoint=resume.last_saved(args, config, data.train))
        metrics = data.metrics | (validated(trainer, len(data.held_out)) if data.held_out else {})
        if settings.qat:
            qat.finish(model)
        facts = {**data.facts, "rows_chat_template": chat, "metrics": metrics}
        weights.save_trained(trainer, tokenizer, args, settings, **facts)


def validated(trainer: SFTTrainer, n: int) -> dict[str, Any]:
    """Loss and token accuracy on the rows that were held out, after the training."""
    measured = trainer.evaluate()
    return {
        "validation_rows": n,
        "validation_loss": measured["eval_loss"],
        "validation_token_accuracy": measured["eval_mean_token_accuracy"],
    }


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
