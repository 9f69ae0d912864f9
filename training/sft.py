"""Fine-tunes a checkpoint on questions and answers with LoRA, and merges the adapter into it.

python training/sft.py --config training/configs/sft.yaml --parent training/base --output runs/sft
accelerate launch training/sft.py --config training/configs/sft.yaml --parent training/base --output runs/sft
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import common  # first: it sets what torch reads when imported
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from mcqa_suite import sources
from mcqa_suite.errors import ConfigError
from mcqa_suite.manifest import complete_folder, hardware, versions
from mcqa_suite.settings import SftSettings, read_settings

TRAINER = {"report_to": "none", "save_strategy": "no", "logging_steps": 10}
LORA = {"target_modules": "all-linear"}


class StopAtNaN(TrainerCallback):
    """One line instead of a checkpoint of NaNs."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise ConfigError(f"loss is {logs['loss']} at step {state.global_step}; lower learning_rate or use float32")


def trainer_config(settings: SftSettings, where: str, folder: str) -> SFTConfig:
    """TRL's config: what we fix, then what the YAML says, then our defaults."""
    gpu = torch.cuda.is_available()
    fixed = {
        "output_dir": folder,
        "seed": settings.seed,
        "use_cpu": not gpu,
        "bf16": gpu and settings.dtype == "bfloat16",
        "completion_only_loss": True,
        "logging_nan_inf_filter": False,
    }
    return common.library_config(
        SFTConfig, {"gradient_checkpointing": False} | TRAINER | settings.trainer, fixed, where
    )


def main() -> None:
    args = common.arguments(__doc__)
    settings = read_settings("sft", args.config)
    lora = common.library_config(LoraConfig, LORA | settings.lora, {"task_type": "CAUSAL_LM"}, f"{args.config}: lora")
    with tempfile.TemporaryDirectory() as scratch:
        config = trainer_config(settings, f"{args.config}: trainer", scratch)
        set_seed(settings.seed)  # before LoRA's matrices are drawn

        model, tokenizer = common.load(args.parent, settings.dtype)
        rows, data = sources.read(settings.data)
        common.check_rows(rows, tokenizer, config.max_length)
        dataset = Dataset.from_list([{"prompt": row["prompt"], "completion": row["completion"]} for row in rows])

        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=dataset,
            processing_class=tokenizer,
            peft_config=lora,
            callbacks=[StopAtNaN()],
        )
        result = trainer.train()
        if not trainer.accelerator.is_main_process:
            return
        save(trainer, tokenizer, args, settings, data, result)


def save(trainer: SFTTrainer, tokenizer: Any, args: Any, settings: SftSettings, data: Any, result: Any) -> None:
    """Merges the adapter into its parent and writes the checkpoint."""
    merged = trainer.accelerator.unwrap_model(trainer.model).merge_and_unload()
    logs: dict[str, Any] = {}
    for entry in trainer.state.log_history:
        logs |= entry
    seconds = result.metrics["train_runtime"]
    with complete_folder(Path(args.output)) as folder:
        merged.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
        common.finish(
            folder,
            args.output,
            args.parent,
            "sft",
            settings,
            data=data,
            hardware=hardware(gpu, trainer.accelerator.num_processes),
            versions=versions("torch", "transformers", "trl", "peft", "accelerate"),
            tokens_per_second=logs["num_tokens"] / seconds if "num_tokens" in logs else None,
            metrics={
                "loss": logs.get("loss", result.training_loss),  # a run shorter than logging_steps logs none
                "mean_token_accuracy": logs.get("mean_token_accuracy"),
                "steps": trainer.state.global_step,
                "train_seconds": seconds,
            },
        )


if __name__ == "__main__":
    sys.exit(common.exit_code(main))
