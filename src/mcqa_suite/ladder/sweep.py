"""A sweep: one stage of a recipe becomes a named stage for every point of a grid, judged by one criterion.

sweep: {learning_rate: [5e-6, 1e-5], beta: [0.1, 0.3]}      dpo -> dpo-lr5e-6-beta0.1, dpo-lr5e-6-beta0.3, ...
criterion: {metric: reward_accuracy}                        of the manifest, or {task: mcqa_sciq, metric: acc}
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT, check_keys
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.ladder.stage_settings import SETTINGS

# What is usually swept; any other argument can be, once the stage's own `trainer` or `lora` names it.
TRAINER = (
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "neftune_noise_alpha",
)
OF_KIND = {
    "sft": ("packing", "loss_type"),
    "dpo": ("beta", "label_smoothing", "loss_type"),
    "orpo": ("beta",),
    "reward": ("center_rewards_coefficient",),
}
LORA = ("r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora")
# Parts of a stage that hold more than one value.
NOT_SWEPT = {"data", "calibration", "trainer", "lora"}
# In the names of stages.
SHORT = {
    "learning_rate": "lr",
    "label_smoothing": "smooth",
    "num_train_epochs": "epochs",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "damp_percent": "damp",
    "group_size": "group",
    "per_device_train_batch_size": "batch",
    "gradient_accumulation_steps": "accumulate",
    "neftune_noise_alpha": "neftune",
}
# The loss is another quantity at every value of these.
SCALES_LOSS = ("beta", "label_smoothing", "loss_type")


@dataclass(frozen=True, config=STRICT)
class Criterion:
    """What the points are judged by: a task's metric, or, without a task, a figure of the manifests' `metrics`."""

    metric: str
    task: str | None = None

    @property
    def lower_is_better(self) -> bool:
        return self.task is None and "loss" in self.metric

    def __str__(self) -> str:
        return f"{self.task}, {self.metric}" if self.task else self.metric


@dataclasses.dataclass(frozen=True)
class Point:
    """A stage of a sweep: its name, and the swept keys with its values."""

    stage: str
    values: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """`name` is the written stage's; no rung bears it."""

    name: str
    criterion: Criterion
    points: tuple[Point, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.points[0].values)


def expand(name: str, kind: str, mapping: Mapping[str, Any], grid: Mapping[str, Any], where: str) -> tuple[Point, ...]:
    """The points of a grid in its own order; ConfigError for a key that `kind` does not take or a name that is taken."""
    known = [*_fields(kind), *_inside("trainer", kind, mapping), *_inside("lora", kind, mapping)]
    check_keys(grid, known, where)
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{where}: {key}: expected a list of values, found {values!r}")
    points = tuple(
        Point("-".join([name, *(_word(key, value) for key, value in values.items())]), values)
        for values in (dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values()))
    )
    if len(points) < 2:
        raise ConfigError(f"{where}: {len(points)} point; a sweep needs at least two")
    if len({point.stage for point in points}) < len(points):
        twice = next(p.stage for p in points if sum(p.stage == other.stage for other in points) > 1)
        raise ConfigError(f"{where}: two points would be called {twice!r}; give each value once")
    return points


def at(point: Point, kind: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The stage's settings with the point's values in their places."""
    placed: dict[str, Any] = dict(mapping)
    for key, value in point.values.items():
        part = next((part for part in ("trainer", "lora") if key in _inside(part, kind, mapping)), None)
        if key in _fields(kind) or part is None:
            placed[key] = value
        else:
            placed[part] = {**(placed.get(part) or {}), key: value}
    return placed


def check_criterion(criterion: Criterion | None, sweep: Mapping[str, Any], tasks: list[str], where: str) -> Criterion:
    """The criterion; ConfigError where there is none, its task is not evaluated, or it compares what cannot be compared."""
    if criterion is None:
        raise ConfigError(
            f"{where}: a sweep without criterion; say what the best is: {{metric: reward_accuracy}} or {{task: ..., metric: acc}}"
        )
    if criterion.task is not None and criterion.task not in tasks:
        raise ConfigError(
            f"{where}: criterion: task {criterion.task!r} is not evaluated; expected one of {', '.join(tasks) or 'none'}"
        )
    scaling = [key for key in SCALES_LOSS if len(sweep.get(key, ())) > 1]
    if criterion.lower_is_better and scaling:
        raise ConfigError(
            f"{where}: criterion: {criterion.metric} is another quantity at every {scaling[0]} and ranks nothing across them; "
            "use reward_accuracy or a task"
        )
    return criterion


def _fields(kind: str) -> Iterator[str]:
    return (field.name for field in dataclasses.fields(SETTINGS[kind]) if field.name not in NOT_SWEPT)


def _inside(part: str, kind: str, mapping: Mapping[str, Any]) -> list[str]:
    """The keys of a stage's `trainer` or `lora` that can be swept; none where the kind has no such part."""
    if part not in {field.name for field in dataclasses.fields(SETTINGS[kind])}:
        return []
    usual = LORA if part == "lora" else (*TRAINER, *OF_KIND.get(kind, ()))
    return [*usual, *(mapping.get(part) or {})]


def _word(key: str, value: Any) -> str:
    """lr5e-6, beta0.1, sigmoid: a value as a part of a stage's name."""
    if isinstance(value, bool) or value is None:
        return f"{SHORT.get(key, key)}_{ {True: 'on', False: 'off', None: 'none'}[value] }"
    if isinstance(value, int | float):
        return f"{SHORT.get(key, key)}{shown(value)}"
    words = [str(word) for word in (value if isinstance(value, list) else [value])]
    return re.sub(r"[^A-Za-z0-9_.]+", "_", "_".join(words))


def shown(value: Any) -> str:
    """A swept value for people: 5e-06 as 5e-6."""
    if isinstance(value, float):
        return re.sub(r"e([+-]?)0*(\d)", lambda found: f"e{found[1].strip('+')}{found[2]}", f"{value:g}")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
