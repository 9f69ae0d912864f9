"""The plan of an evaluation: which tasks run together, and with what settings of the harness."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT


@dataclass(frozen=True, config=STRICT)
class Evaluation:
    """Tasks that run in one call of the harness.

    An `optional` entry whose data cannot be loaded is skipped and reported. `apply_chat_template` None follows the manifest of
    the checkpoint.
    """

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    limit: Annotated[float, Field(gt=0)] | None = None
    num_fewshot: int | None = None
    gen_kwargs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    apply_chat_template: bool | None = None
    optional: bool = False
