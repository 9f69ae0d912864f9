"""Run a training script in this process: its `main`, with a command line."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mcqa_suite.common.paths import training_dir

# Libraries' warnings are no errors; PEFT 0.21 and TRL 1.16 read an attribute that transformers 5.24 renamed.
default_warnings = pytest.mark.filterwarnings(
    "default", "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"
)


def script(name: str) -> ModuleType:
    """A module of training/, such as `sft` or `mcqa_training.stage`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(training_dir()))
        return importlib.import_module(name)


def run_stage(kind: str, config: dict[str, Any], parent: Path, output: Path, *words: str) -> Path:
    """Run a stage; returns its folder, and raises what the stage raises."""
    file = output.with_suffix(".yaml")
    file.write_text(json.dumps(config))
    argv = [kind, "--config", str(file), "--parent", str(parent), "--output", str(output), *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", argv)
        script(kind).main()
    return output


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(next(folder.glob("*.safetensors")))
