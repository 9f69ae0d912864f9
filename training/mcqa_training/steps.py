"""Checkpoints from the middle of a training (`keep_steps`): saved during it, and made whole by a stage of their own."""

from __future__ import annotations

import argparse
import json
from typing import Any

from mcqa_training import stage, weights

import torch
from transformers import TrainerCallback

from mcqa_suite.backend import pretrained, processes
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import KEPT, TRAINING_LOG, complete_folder

LOG = "log_history.json"


class Keep(TrainerCallback):
    """Save the adapter, or with `full` all weights, after each of the steps."""

    def __init__(self, args: argparse.Namespace, settings: Any) -> None:
        self.steps, self.where = settings.keep_steps or (), f"{args.config}: keep_steps"
        self.folder = weights.kept_folder(args)
        if self.steps and processes.world() > 1:
            raise ConfigError(
                f"{self.where}: only a training in one process keeps steps; remove it, or set processes: 1"
            )

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if too_far := [step for step in self.steps if step >= state.max_steps]:
            last = state.max_steps
            raise ConfigError(f"{self.where}: {too_far[0]}: the training ends at step {last}; name steps below {last}")

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if state.global_step in self.steps:
            folder = self.folder / name_of_step(state.global_step)
            model.save_pretrained(folder)
            (folder / LOG).write_text(json.dumps(state.log_history), encoding="utf-8")


def name_of_step(step: int) -> str:
    return f"step-{step}"


def make_whole(args: argparse.Namespace, settings: Any, chat: Any, facts: dict[str, Any]) -> None:
    """The checkpoint of a kept step, from what the stage `kept_from` beside it has saved."""
    step = settings.kept_step
    source = args.output.parent / settings.kept_from / KEPT / name_of_step(step)
    if not source.is_dir():
        remedy = f"delete {source.parent.parent}, so that it is trained again"
        raise CheckpointError(f"{source}: step {step} was not kept; {remedy}")
    model, tokenizer = weights.load(args, settings)
    if settings.full:
        model = pretrained.read_model(weights.LANGUAGE_MODEL, source, dtype=getattr(torch, settings.dtype))
    else:
        model = weights.with_adapter(model, source)
    history = json.loads((source / LOG).read_text(encoding="utf-8"))
    losses = [entry["loss"] for entry in history if "loss" in entry]
    with complete_folder(args.output) as folder:
        weights.save_weights(model, None, folder, args, settings)
        tokenizer.save_pretrained(folder)
        (folder / TRAINING_LOG).write_text(weights.training_log(history), encoding="utf-8")
        metrics = {"steps": step, **({"loss": losses[-1]} if losses else {})}
        libraries = ("trl", "peft", "accelerate")
        stage.finish(
            folder,
            args,
            settings,
            libraries,
            adapter=not settings.merge,
            rows_chat_template=chat,
            metrics=metrics,
            **facts,
        )
