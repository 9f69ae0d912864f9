"""What a recipe, which may come from anyone, cannot do: send what it makes, load other code, write where it was not sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.locks import LOCK
from mcqa_suite.common.manifest import MANIFEST

# Arguments of TRL and of PEFT that settings may not have, by how their names begin, and why.
REFUSED = {
    "trainer": {
        "push_to_hub": "uploads what is trained; upload the finished folder yourself",
        "hub_": "uploads what is trained; upload the finished folder yourself",
        "trackio_": "uploads what is logged; remove it",
        "output_dir": "is set by the stage; use --output",
        "logging_dir": "is set by the stage; use --output",
        "resume_from_checkpoint": "is set by the stage, which goes on from its own steps; remove it",
        "deepspeed": "is set by `accelerate: deepspeed` of a recipe; remove it",
        "fsdp": "is set by `accelerate: fsdp` of a recipe; remove it",
    },
    "lora": {
        "megatron_": "imports a module by its name; remove it",
        "auto_mapping": "imports a module by its name; remove it",
        "base_model_name_or_path": "is set by the stage; remove it",
        "corda_config": "reads any file; remove it",
    },
}
LOCAL_TRACKERS = ("none", "tensorboard")  # that `report_to` may name: they send nothing


def check_arguments(section: str, values: Mapping[str, Any]) -> None:
    """ValueError for an argument of `section`, "trainer" or "lora", that settings may not have."""
    for key in values:
        for name, reason in REFUSED[section].items():
            if str(key).startswith(name):
                raise ValueError(f"{section}: key {key!r} {reason}")


def check_trackers(settings: Mapping[str, Any], where: str) -> None:
    """ConfigError where a trainer in a recipe would report to a service."""
    trainer = settings.get("trainer")
    names = trainer.get("report_to") if isinstance(trainer, dict) else None
    for name in names if isinstance(names, list) else [names]:
        if name is not None and name not in LOCAL_TRACKERS:
            raise ConfigError(
                f"{where}: trainer: report_to: {name!r} sends what is logged; expected {' or '.join(LOCAL_TRACKERS)} in a "
                "recipe; name another on the command line: mcqa run --log"
            )


def own_output(output: Path, where: str) -> Path:
    """The run folder that a recipe names itself, which `--output` on the command line may replace by any other.

    ConfigError unless it is below the working directory and is new, empty or the folder of a run.
    """
    where, remedy = f"{where}: output: {str(output)!r}", "choose another, or give --output on the command line"
    if output.is_absolute() or os.path.normpath(output).split(os.sep)[0] == os.pardir:
        raise ConfigError(f"{where} is not below the working directory; {remedy}")
    folder = output.absolute()
    runs_own = any((folder / name).is_file() for name in (LOCK, Path("checkpoints", "base", MANIFEST)))
    if os.path.lexists(folder) and not (folder.is_dir() and (runs_own or not any(folder.iterdir()))):
        raise ConfigError(f"{where} exists and was not made by mcqa run; {remedy}")
    return folder
