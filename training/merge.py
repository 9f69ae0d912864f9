"""Merges an adapter into the checkpoint that it was trained on, and into no other.

python training/merge.py --config training/configs/merge.yaml --parent runs/adapter --parent-base runs/sft --output runs/merged
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from mcqa_training import (
    stage,  # first: it sets what torch reads when imported
    weights,
)

from mcqa_suite.common.checkpoints import ADAPTER, is_adapter
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import complete_folder, hardware, versions
from mcqa_suite.ladder.stage_settings import read_settings


def main() -> None:
    args = stage.arguments("merge", __doc__)
    settings = read_settings("merge", args.config)
    if not is_adapter(args.parent):
        raise CheckpointError(
            f"{args.parent}: holds no adapter to merge; give a stage's folder that was made with merge: false"
        )
    with stage.enough_memory(str(args.config), "dtype", settings.dtype, "use a shorter one, or a larger machine"):
        model, tokenizer = weights.merged(args, settings.dtype, **head(args.parent))
    with complete_folder(Path(args.output)) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        stage.finish(
            folder,
            args.output,
            args.parent,
            "merge",
            settings,
            hardware=hardware(torch.cuda.get_device_name() if stage.GPU else None),
            versions=versions("torch", "transformers", "peft"),
        )


def head(adapter: Path) -> dict[str, Any]:
    """A reward model's adapter works on a classifier with one label, every other on a language model."""
    task = json.loads((adapter / ADAPTER).read_text(encoding="utf-8"))["task_type"]
    return weights.REWARD if task == "SEQ_CLS" else {}


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
