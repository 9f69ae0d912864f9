"""A checkpoint as `mcqa eval` loads it, for single questions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.backend.loading import check_checkpoint
from mcqa_suite.common.chat_template import WITHOUT, ChatTemplate
from mcqa_suite.common.checkpoints import (
    HUB_NAME,
    base_of_run,
    chat_template_of,
    check_weights_present,
    find_parent,
    is_adapter,
)
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.library_errors import without_deprecations
from mcqa_suite.common.offline import stay_offline_if_cut_off


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded checkpoint; `chat` says for each format whether the chat template is applied. One question at a time uses it."""

    name: str
    lm: Any
    chat: ChatTemplate
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def content(self) -> str:
        """The content of its weights as a results file records it, "" where it is not known."""
        digests = list(self.lm.contents.values())
        return "" if None in digests else "+".join(map(str, digests))


def check_name(checkpoint: str) -> tuple[str, str | None]:
    """The folder or hub name to load, and the parent of an adapter; CheckpointError for what is no checkpoint."""
    folder = Path(checkpoint)
    checkpoint = base_of_run(folder) or checkpoint
    folder = Path(checkpoint)
    if not folder.is_dir():
        if not HUB_NAME.fullmatch(checkpoint) or folder.exists():
            raise CheckpointError(f"{checkpoint}: no checkpoint; give a folder with weights, or OWNER/NAME on the hub")
        return checkpoint, None
    check_weights_present(folder)
    base = find_parent(folder) if is_adapter(folder) else None
    check_checkpoint(checkpoint, base)
    return checkpoint, base


def load(checkpoint: str, dtype: str = "auto") -> Model:
    """Load a checkpoint, an adapter on the parent that its manifest names. CheckpointError where it cannot be loaded."""
    name, base = check_name(checkpoint)
    stay_offline_if_cut_off()  # before anything imports huggingface_hub
    without_deprecations()
    from mcqa_suite.evaluation.evaluate_checkpoint import load_model

    lm = load_model(name, dtype=dtype, batch_size=1, base=base)
    return Model(Path(name).name, lm, (chat_template_of(Path(name)) or ChatTemplate()).over(WITHOUT))
