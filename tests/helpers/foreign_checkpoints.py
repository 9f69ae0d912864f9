"""Checkpoints as a stranger may publish them: with code of their own, or with weights that do not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

CODE = """
from pathlib import Path
Path({marker!r}).write_text("the code of the checkpoint ran")
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast
class Config(LlamaConfig): pass
class Model(LlamaForCausalLM): pass
class Score(LlamaForSequenceClassification): pass
class Tokenizer(PreTrainedTokenizerFast): pass
"""
AUTO_MAP = {
    "AutoConfig": "own_code.Config",
    "AutoModelForCausalLM": "own_code.Model",
    "AutoModelForSequenceClassification": "own_code.Score",
}


def with_code(checkpoint: Path, folder: Path, *, native: bool = True) -> tuple[Path, Path]:
    """A copy of a checkpoint whose configs name code in it, and the file that this code would write.

    With `native`, transformers has classes of its own for the names in the configs.
    """
    shutil.copytree(checkpoint, folder)
    marker = folder.with_name(f"{folder.name}-marker")
    (folder / "own_code.py").write_text(CODE.format(marker=str(marker)), encoding="utf-8")
    edit(folder / "config.json", {"auto_map": AUTO_MAP} | ({} if native else {"model_type": "of_its_own"}))
    edit(folder / "tokenizer_config.json", {"auto_map": {"AutoTokenizer": [None, "own_code.Tokenizer"]}})
    return folder, marker


def with_tensors(checkpoint: Path, folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """A copy of a checkpoint whose tensors went through `change`."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(checkpoint, folder)
    (path,) = folder.glob("*.safetensors")
    save_file(change(load_file(path)), path, {"format": "pt"})
    return folder


def edit(path: Path, changes: dict[str, Any]) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
