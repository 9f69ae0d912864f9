"""What a model costs to use, as an evaluation measured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeGuard


@dataclass(frozen=True)
class Speed:
    """Figures of one model on one machine; None for what was not measured.

    `latency_ms`: from a prompt of 128 tokens to the first token of its answer. `tokens_per_second`: prompt tokens read, in a
    batch of 8. `written_per_second`: tokens of one answer, written one by one. `peak_memory_mb`: of the whole evaluation.
    """

    load_seconds: float | None = None
    latency_ms: float | None = None
    tokens_per_second: float | None = None
    written_per_second: float | None = None
    peak_memory_mb: float | None = None


NO_SPEED = Speed()
MOST = 1e12


def read_speed(record: Any) -> Speed:
    """The speed that a results file records; whatever is no positive number counts as not measured."""
    values = record if isinstance(record, Mapping) else {}
    numbers = {field.name: values.get(field.name) for field in fields(Speed)}
    usable = {name: float(value) for name, value in numbers.items() if _is_measured(value)}
    return Speed(**usable)


def _is_measured(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and 0 < value < MOST
