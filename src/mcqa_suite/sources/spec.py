"""How a recipe or a stage's YAML names the rows that it wants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Where training or calibration questions come from, and the form of the answer (see `sources.STYLES`)."""

    source: str
    n: int | None = None
    seed: int = 0
    path: str | None = None
    style: str = "letter"
