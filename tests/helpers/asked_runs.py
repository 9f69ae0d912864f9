"""Two random models, evaluated on the first questions of a task in all formats."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

TOKENS = 48  # that an answer is written in
TASK = "mcqa_openbookqa"
LIMIT = 3


class Asked(NamedTuple):
    """A checkpoint, the run of its scored tasks, and that of its written answers."""

    checkpoint: Path
    run: Path
    written: Path


def asked(checkpoint: Path, folder: Path, task: str = TASK, questions: Path | None = None) -> Asked:
    """Evaluate a checkpoint into a folder; `questions` is a file in the EPFL format."""
    from mcqa_suite.evaluation.evaluate_checkpoint import evaluate

    metadata = {"epfl_file": str(questions)} if questions else {}
    plan: list[dict[str, Any]] = [
        {"tasks": [task, f"{task}_cloze"], "limit": LIMIT, "metadata": metadata},
        {"tasks": [f"{task}_cot"], "limit": LIMIT, "gen_kwargs": {"max_gen_toks": TOKENS}, "metadata": metadata},
    ]
    evaluate(str(checkpoint), plan, folder, dtype="float32", batch_size=4)
    return Asked(checkpoint, folder / "0", folder / "1")


def other_model(checkpoint: Path, folder: Path) -> Path:
    """A model with the same tokenizer and other weights."""
    from mcqa_suite.backend.random_model import Shape, write_random_model

    shape = Shape(hidden_size=64, intermediate_size=128, max_position_embeddings=1024, tie_word_embeddings=False)
    write_random_model(folder, shape, seed=1)
    (folder / "chat_template.jinja").unlink()
    shutil.copy(checkpoint / "tokenizer.json", folder)
    return folder
