"""Direct preference optimisation (DPO) of a checkpoint on chosen and rejected answers, LoRA by default.

python training/dpo.py --config training/configs/dpo.yaml --parent runs/sft --output runs/dpo
accelerate launch training/dpo.py --config training/configs/dpo.yaml --parent runs/sft --output runs/dpo
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from mcqa_training import resume, rows, stage, steps, weights

from peft import LoraConfig
from trl import DPOConfig, DPOTrainer

from mcqa_suite.backend import pair_scores
from mcqa_suite.backend.row_tokens import Row
from mcqa_suite.common.chat_template import ChatTemplate
from mcqa_suite.ladder.stage_settings import PreferenceSettings


class TokensDPOTrainer(DPOTrainer):  # type: ignore[misc]
    """TRL's trainer on rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


def configs(settings: PreferenceSettings, where: str, folder: str = "unused") -> tuple[DPOConfig, LoraConfig | None]:
    return stage.trainer_config(DPOConfig, settings, where, folder), weights.lora_config(settings, where)


def main() -> None:
    args, settings = stage.start("dpo", __doc__, configs)
    with stage.training(args, settings, configs) as (config, lora), rows.shared_folder(args.output) as shared:
        data = rows.read(settings)
        if settings.kept_step:
            steps.make_whole(args, settings, stage.rows_template(args, settings), data.facts)
            return
        model, tokenizer = weights.load(args, settings)
        chat = stage.rows_template(args, settings)
        data = data.fitted(tokenizer, chat, *rows.limit_of(config, model))
        held_out = data.held_out

        # The reference of an adapter is the model without it; full training needs a second model.
        reference = weights.load(args, settings)[0] if settings.full else None
        trainer = TokensDPOTrainer(
            model=model,
            ref_model=None if config.precompute_ref_log_probs else reference,
            args=config,
            train_dataset=rows.shared_dataset(rows.pairs(data.train, tokenizer, chat), shared / "train"),
            eval_dataset=rows.shared_dataset(rows.pairs(held_out, tokenizer, chat), shared / "held_out")
            if held_out
            else None,
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[stage.StopAtNaN(), steps.Keep(args, settings)],
        )
        trainer.train(resume_from_checkpoint=resume.last_saved(args, config, data.train))

        scored = rewards(trainer, reference, tokenizer, held_out, chat)
        metrics = pair_scores.summary(scored, held_out)
        metrics |= {
            "reward_margin_over_beta": metrics["reward_margin"] / config.beta if scored else None,
            "loss_of": f"{'+'.join(config.loss_type)}, beta {config.beta:g}, label_smoothing {config.label_smoothing:g}; "
            "not comparable between different settings",
        }
        facts = {**data.facts, "rows_chat_template": chat, "metrics": data.metrics | metrics}
        weights.save_trained(trainer, tokenizer, args, settings, pair_scores.as_files(scored), **facts)


def rewards(
    trainer: DPOTrainer, reference: Any, tokenizer: Any, pairs: list[Row], chat: ChatTemplate
) -> list[pair_scores.Reward]:
    """The rewards of the held-out pairs; the reference of an adapter is the model without it."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    size = trainer.args.per_device_eval_batch_size

    def sums(scorer: Any) -> dict[str, list[float]]:
        return {
            key: [total for total, _ in pair_scores.sequence_logps(scorer, tokenizer, pairs, key, chat, size)]
            for key in ("chosen", "rejected")
        }

    policy = sums(model)
    with contextlib.nullcontext() if reference else model.disable_adapter():
        return pair_scores.rewards(pairs, policy, sums(reference or model), trainer.args.beta)


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
