"""One run as Python objects and pandas frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcqa_suite.logs import runs

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, eq=False)
class Run:
    """What `lm_eval --output_path FOLDER --log_samples` wrote of one model."""

    log: runs.Run

    @property
    def name(self) -> str:
        """The name in a manifest beside the run, else the folder's."""
        return self.log.name

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that it holds."""
        return tuple(self.log.by_task)
