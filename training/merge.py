"""Merge an adapter into the checkpoint that it was trained on.

python training/merge.py --config training/configs/merge.yaml --parent runs/adapter --parent-base runs/sft --output runs/merged
"""

from __future__ import annotations

import json
import sys

from mcqa_training import stage, weights

from mcqa_suite.common.checkpoints import ADAPTER, is_adapter
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.manifest import complete_folder
from mcqa_suite.ladder.stage_settings import StageSettings


def configs(settings: StageSettings, where: str) -> None:
    """No library has a config for this stage."""


def main() -> None:
    args, settings = stage.start("merge", __doc__, configs)
    if not is_adapter(args.parent):
        raise CheckpointError(f"{args.parent}: not an adapter; give the folder of a stage with merge: false")
    task = json.loads((args.parent / ADAPTER).read_text(encoding="utf-8"))["task_type"]
    with stage.enough_memory(args, "dtype", settings.dtype, "use a shorter one, or a larger machine"):
        model, tokenizer = weights.load_unchecked(args, settings.dtype, **(weights.REWARD if task == "SEQ_CLS" else {}))
    with complete_folder(args.output) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        stage.finish(folder, args, settings, ("peft",))


if __name__ == "__main__":
    sys.exit(stage.exit_code(main))
