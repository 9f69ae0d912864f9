"""Odds-ratio preference optimisation (ORPO): learn chosen answers and prefer them in one stage, without a reference model.

python training/orpo.py --config training/configs/orpo.yaml --parent runs/base --output runs/orpo
accelerate launch training/orpo.py --config training/configs/orpo.yaml --parent runs/base --output runs/orpo

ORPO is in trl.experimental, whose interface may change with any release, so the version of TRL is pinned.
"""

from __future__ import annotations

import sys
from typing import Any

from mcqa_training import resume, rows, stage, steps, weights

from datasets import Dataset
from peft import LoraConfig
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from mcqa_suite.backend import pair_scores
from mcqa_suite.ladder.stage_settings import PreferenceSettings


class TokensORPOTrainer(ORPOTrainer):  # type: ignore[misc]
    """TRL's trainer on rows that are tokens already.

    The loss of the chosen answers is averaged over the tokens of all processes, not of each one.
    """

    def tokenize_row(self, feature: dict[str, list[int]], model: Any = None) -> dict[str, list[int]]:
        prompt = feature["prompt_ids"]
        batch = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
        for key in ("chosen", "rejected"):
            whole = prompt + feature[f"{key}_ids"]
            batch |= {f"{key}_input_ids": whole, f"{key}_attention_mask": [1] * len(whole)}
            batch[f"{key}_labels"] = [-100] * len(prompt) + feature[f"{key}_ids"]
        return batch

    def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> Any:
        outputs = super().concatenated_forward(model, batch)
        if self.accelerator.num_processes == 1:
            return outputs
        tokens = batch["chosen_attention_mask"][:, 1:].sum().float()
        loss = outputs[4] * tokens / self.accelerator.reduce(tokens, "mean")
        return (*outputs[:4], loss, *outputs[5:])


def configs(settings: PreferenceSettings, where: str, folder: str = "unused") -> tuple[ORPOConfig, LoraConfig | None]:
    return stage.trainer_config(ORPOConfig, settings, where, folder), weights.lora_config(settings, where)


def main() -> None:
    args, settings = stage.start("orpo", __doc__, configs)
    with stage.training(args, settings, configs) as (config, lora):
        data = rows.read(settings)
        if settings.kept_step:
            steps.make_whole(args, settings, stage.rows_template(args, settings), data.facts)
            return
        model, tokenizer = weights.load(args, settings)
        chat = stage.rows_template(args, settings)
        data = data.fitted(tokenizer, chat, *rows.limit_of(config, model))
        held_out = data.held_out

        trainer = TokensORPOTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list(rows.pairs(data.train, tokenizer, chat)),
            eval_dataset=Dataset.from_list(rows.pairs(held_out, tokenizer, chat)) if held_out else None,
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[stage.StopAtNaN(), steps.Keep(args, settings)],
        )
        trainer.train(resume_from_checkpoint=resume.last_saved(args, config, data.train))

        model = trainer.accelerator.unwrap_model(trainer.model)

        def mean_logps(key: str) -> list[float]:
            """The mean log-probability of an answer's tokens, which is ORPO's reward and does not depend on length."""
            sums = pair_scores.sequence_logps(model, tokenizer, held_out, key, chat, config.per_device_eval_batch_size)
            return [total / n for total, n in sums]

        scored = pair_scores.score_pairs(held_out, mean_logps)
        metrics = data.metrics | pair_scores.summary(scored, held_out)
        facts = {**data.facts, "rows_chat_template": chat, "metrics": metrics}
        weights.save_trained(trainer, tokenizer, args, settings, pair_scores.as_files(scored), **facts)


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
