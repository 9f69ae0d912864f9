"""The plan of an evaluation: which tasks run together, and with what settings of the harness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """Tasks that run in one call of the harness.

    An `optional` entry whose data cannot be loaded is skipped and reported. `apply_chat_template` None follows the manifest of
    the checkpoint.
    """

    tasks: tuple[str, ...]
    limit: float | None = None
    num_fewshot: int | None = None
    gen_kwargs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    apply_chat_template: bool | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ValueError("tasks: empty; name at least one task")
        if self.limit is not None and self.limit <= 0:
            raise ValueError(f"limit: {self.limit:g}; expected a number of documents")
