"""Load a parent, which may be an adapter, and save a checkpoint or an adapter."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

from mcqa_training import stage, stored

import torch
from peft import LoraConfig, PeftModel
from transformers import BitsAndBytesConfig
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from mcqa_suite.backend import pretrained
from mcqa_suite.common import extras
from mcqa_suite.common.checkpoints import ADAPTER, check_parent, check_plain_adapter, is_adapter
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.manifest import ADAPTER_COPY, KEPT, TRAINING_LOG, complete_folder, name_of

State = dict[str, torch.Tensor]
LORA = {"target_modules": "all-linear"}
LANGUAGE_MODEL = "AutoModelForCausalLM"
# Arguments to load a reward model, or to make one from a language model.
REWARD: dict[str, Any] = {"kind": "AutoModelForSequenceClassification", "num_labels": 1, "another_head": True}


def lora_config(settings: Any, where: str, task: str = "CAUSAL_LM") -> LoraConfig | None:
    """PEFT's config; None where all weights are trained. ConfigError where QLoRA cannot run."""
    if settings.qlora:
        if os.environ.get("ACCELERATE_USE_FSDP") or os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE") == "3":
            raise ConfigError(
                f"{where}: qlora: 4-bit weights cannot be sharded (FSDP, ZeRO 3); launch with ddp.yaml, or remove it"
            )
        extras.require(f"{where}: qlora", "bnb")
    if settings.full:
        return None
    return stage.library_config(LoraConfig, LORA | (settings.lora or {}), {"task_type": task}, f"{where}: lora")


def load(args: argparse.Namespace, settings: Any, kind: str = LANGUAGE_MODEL, **kwargs: Any) -> tuple[Any, Any]:
    """Load the parent's model and tokenizer; an adapter is merged into its own parent."""
    if settings.qlora:
        kwargs["quantization_config"] = four_bits(settings.dtype)
    if is_adapter(args.parent) and (settings.qlora or not settings.merge):
        raise ConfigError(
            f"{args.config}: the parent is an adapter; merge it first (training/merge.py), or set merge: true"
        )
    model, tokenizer = load_unchecked(args, settings.dtype, kind, **kwargs)
    if end := settings.trainer.get("eos_token"):  # before TRL does it: the rows are tokens by then
        tokenizer.eos_token = end
    return model, tokenizer


def load_unchecked(args: argparse.Namespace, dtype: str, kind: str = LANGUAGE_MODEL, **kwargs: Any) -> tuple[Any, Any]:
    """`load` without the check that an adapter and the settings fit together."""
    folder = args.parent
    if is_adapter(folder):
        if args.parent_base is None:
            raise CheckpointError(f"{folder}: is an adapter; give the folder that it was trained on as --parent-base")
        check_parent(folder, args.parent_base)
        folder = args.parent_base
    tokenizer = pretrained.read_tokenizer(args.parent)
    model = pretrained.read_model(kind, folder, dtype=getattr(torch, dtype), **kwargs)
    if is_adapter(args.parent):
        model = with_adapter(model, args.parent).merge_and_unload()
    return model, tokenizer


def with_adapter(model: Any, adapter: Path) -> Any:
    """The model with an adapter of which every tensor has its place; CheckpointError for any other."""
    check_plain_adapter(adapter)
    with pretrained.said(adapter), pretrained.without_report():
        adapted = PeftModel.from_pretrained(model, adapter)
    pretrained.check_adapter(adapted, adapter)
    return adapted


def four_bits(dtype: str, format: str = "nf4", double_quant: bool = True) -> BitsAndBytesConfig:
    """A config for 4-bit weights that computes in `dtype`; the defaults are QLoRA's."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=format,
        bnb_4bit_use_double_quant=double_quant,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )


def save_trained(
    trainer: Any,
    tokenizer: Any,
    args: argparse.Namespace,
    settings: Any,
    files: dict[str, str] | None = None,
    **facts: Any,
) -> None:
    """Write the checkpoint of a trained stage: weights, tokenizer, log, `files` by name, manifest.

    Every process has to call this, because each may hold a part of the weights; the main one writes.
    """
    state = gathered(trainer)
    if not trainer.accelerator.is_main_process:
        return
    history = trainer.state.log_history
    last = {name: value for entry in history for name, value in entry.items()}
    seconds, tokens = last["train_runtime"], last.get("num_tokens")
    measured = {name: last[name] for name in ("loss", "mean_token_accuracy") if name in last}
    measured |= {"steps": trainer.state.global_step, "train_seconds": seconds}
    facts["metrics"] = measured | facts.get("metrics", {})
    model = trainer.accelerator.unwrap_model(trainer.model)
    with complete_folder(args.output) as folder:
        save_weights(model, state, folder, args, settings)
        tokenizer.save_pretrained(folder)
        for name, text in {TRAINING_LOG: training_log(history), **(files or {})}.items():
            (folder / name).write_text(text, encoding="utf-8")
        if (steps := kept_folder(args)).is_dir():
            shutil.move(steps, folder / KEPT)
        stage.finish(
            folder,
            args,
            settings,
            ("trl", "peft", "accelerate"),
            trainer.accelerator.num_processes,
            tokens_per_second=tokens / seconds if tokens is not None else None,
            adapter=not settings.merge,
            **facts,
        )


def kept_folder(args: argparse.Namespace) -> Path:
    """Where the steps that a training keeps are until its checkpoint is complete."""
    output: Path = args.output
    return output.with_name(f".{output.name}.{KEPT}")


def gathered(trainer: Any) -> State | None:
    """Sharded weights by name, complete in the main process; None where every process has all weights."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    state: State = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    unset_hf_deepspeed_config()  # else, under ZeRO 3, the parent that one process loads again is sharded too
    return state


def save_weights(model: Any, state: State | None, folder: Path, args: argparse.Namespace, settings: Any) -> None:
    """Save all weights, the adapter merged into them with a copy of it in `adapter/`, or the adapter alone."""
    if not settings.merge:
        save_adapter(model, state, folder, args.parent)
    elif state is not None or settings.qlora:
        save_into_parent(model, state, folder, args, settings)
    elif settings.full:
        model.save_pretrained(folder)
    else:
        round_adapter(model, settings.save_dtype)
        save_adapter(model, None, folder / ADAPTER_COPY, args.parent)
        stored.store(folder / ADAPTER_COPY, settings.save_dtype, str(args.config))
        model.merge_and_unload().save_pretrained(folder)


def round_adapter(model: Any, dtype: str) -> None:
    """Round an adapter to the type that it is stored in, so that merging the copy gives the same weights to the bit."""
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(getattr(torch, dtype)).to(parameter.dtype)


def save_into_parent(model: Any, state: State | None, folder: Path, args: argparse.Namespace, settings: Any) -> None:
    """Load the parent again, apply the trained weights and save it; `model` has 4-bit weights or only a part of them."""
    parent, _ = load_unchecked(args, settings.dtype, **(REWARD if args.kind == "reward" else {}))
    if settings.full:
        parent.load_state_dict(state)
    else:
        save_adapter(model, state, folder, args.parent)
        parent = with_adapter(parent, folder).merge_and_unload()
        for path in folder.glob("adapter_*"):
            path.unlink()
    if state is not None:  # keep values that the trainer set, such as the padding token
        parent.config = model.config
        if parent.can_generate():
            parent.generation_config = model.generation_config
    parent.save_pretrained(folder)


def save_adapter(model: Any, state: State | None, folder: Path, parent: Path) -> None:
    """Save PEFT's two files, with the parent's name instead of its local path."""
    model.save_pretrained(folder, save_embedding_layers=False, state_dict=state)
    (folder / "README.md").unlink(missing_ok=True)
    config = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = name_of(parent)
    (folder / ADAPTER).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def training_log(history: list[dict[str, Any]]) -> str:
    """TRL's log as JSON lines, one per logged step, without the summary at the end."""
    steps = [entry for entry in history if "train_runtime" not in entry]
    return "".join(json.dumps({"step": entry["step"], **entry}) + "\n" for entry in steps)
