"""Settings of small training stages, and what a stage changed."""

from __future__ import annotations

import json

from helpers.locations import TRAIN
from helpers.training_scripts import weights

TRAINER = {"max_steps": 2, "per_device_train_batch_size": 4, "learning_rate": 1e-2, "logging_steps": 1}
ROWS = {"data": [{"source": "epfl", "path": str(TRAIN), "n": 16, "seed": 1, "style": "letter_text"}]}
AS_COMPUTED = {"save_dtype": "float32"}  # so that weights can be compared to the bit
SFT = {**ROWS, **AS_COMPUTED, "lora": {"r": 4}, "trainer": TRAINER}
RIGHT_AND_WRONG = {"data": [{"source": "epfl", "path": str(TRAIN), "n": 20, "seed": 3}]}
PAIRS = {**AS_COMPUTED, **RIGHT_AND_WRONG, "lora": {"r": 4}, "trainer": TRAINER}
PAIRS["held_out"] = 0.25


def with_trainer(config, **trainer):
    return {**config, "trainer": {**config["trainer"], **trainer}}


def changed(before, after):
    import torch

    first, second = weights(before), weights(after)
    assert first.keys() == second.keys()
    return {name for name in first if not torch.equal(first[name], second[name])}


def held_out(folder):
    return [json.loads(line) for line in (folder / "held_out_rewards.jsonl").read_text().splitlines()]
