"""A sweep: one stage of a recipe becomes a named stage for every point of a grid, ranked by one criterion.

sweep: {learning_rate: [5e-6, 1e-5], beta: [0.1, 0.3]}      dpo -> dpo-lr5e-6-beta0.1, dpo-lr5e-6-beta0.3, ...
criterion: {metric: reward_accuracy}                        of the manifest, or {task: mcqa_sciq, metric: acc}
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic.dataclasses import dataclass

from mcqa_suite.common.config import STRICT, check_keys
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.ladder.stage_settings import SETTINGS

# The arguments that can always be swept; any other must have a value in the stage's `trainer` or `lora`.
TRAINER = (
    *("learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm", "num_train_epochs"),
    *("max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "neftune_noise_alpha"),
)
OF_KIND = {
    "sft": ("packing", "loss_type"),
    "dpo": ("beta", "label_smoothing", "loss_type"),
    "orpo": ("beta",),
    "reward": ("center_rewards_coefficient",),
}
LORA = ("r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora")
NOT_SWEPT = {"data", "calibration", "leave_out", "trainer", "lora"}  # settings that hold more than one value
# Short forms for the names of stages.
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
SWITCHES = {True: "on", False: "off", None: "none"}
# Losses at different values of these cannot be compared.
SCALES_LOSS = ("beta", "label_smoothing", "loss_type")


@dataclass(frozen=True, config=STRICT)
class Criterion:
    """The value that ranks the points: a metric of a task or, without a task, one of the `metrics` in the manifests.

    `filter` is needed where several filters read the answers of the task.
    """

    metric: str
    task: str | None = None
    filter: str | None = None

    @property
    def lower_is_better(self) -> bool:
        return self.task is None and "loss" in self.metric

    def __str__(self) -> str:
        return ", ".join(part for part in (self.task, self.filter, self.metric) if part)


@dataclasses.dataclass(frozen=True)
class Point:
    """A stage of a sweep: its name, and the swept values by key."""

    stage: str
    values: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """`name` is the name of the stage in the recipe; the rungs have the names of the points."""

    name: str
    criterion: Criterion
    points: tuple[Point, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.points[0].values)


def expand(name: str, kind: str, mapping: Mapping[str, Any], grid: Mapping[str, Any], where: str) -> tuple[Point, ...]:
    """The points of a grid, in the order of the file; ConfigError for an unknown key, or two points with the same name."""
    check_keys(grid, [key for keys in _keys(kind, mapping).values() for key in keys], where)
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{where}: {key}: expected a list of values, not {values!r}")
    points = tuple(
        Point("-".join([name, *(_word(key, value) for key, value in values.items())]), values)
        for values in (dict(zip(grid, row, strict=True)) for row in itertools.product(*grid.values()))
    )
    if len(points) < 2:
        raise ConfigError(f"{where}: {len(points)} point; a sweep needs at least two")
    stage, n = Counter(point.stage for point in points).most_common(1)[0]
    if n > 1:
        raise ConfigError(f"{where}: two points have the name {stage!r}; give each value once")
    return points


def at(point: Point, kind: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the stage with the values of a point."""
    keys = _keys(kind, mapping)
    settings = dict(mapping)
    for key, value in point.values.items():
        part = next(part for part in keys if key in keys[part])
        settings |= {part: {**(settings.get(part) or {}), key: value}} if part else {key: value}
    return settings


def _keys(kind: str, mapping: Mapping[str, Any]) -> dict[str, list[str]]:
    """The keys that can be swept, by the part of the settings that has them ("" for the top level)."""
    fields = [field.name for field in dataclasses.fields(SETTINGS[kind])]
    usual = {"trainer": (*TRAINER, *OF_KIND.get(kind, ())), "lora": LORA}
    keys = {part: [*names, *(mapping.get(part) or {})] for part, names in usual.items() if part in fields}
    return {"": [field for field in fields if field not in NOT_SWEPT], **keys}


def check_criterion(criterion: Criterion | None, sweep: Mapping[str, Any], tasks: list[str], where: str) -> Criterion:
    """The checked criterion; ConfigError where it is missing, its task is not evaluated, or it cannot rank these points."""
    if criterion is None:
        raise ConfigError(
            f"{where}: sweep without criterion; add {{metric: reward_accuracy}} or {{task: ..., metric: acc}}"
        )
    if criterion.task is not None and criterion.task not in tasks:
        raise ConfigError(
            f"{where}: criterion: task {criterion.task!r} is not evaluated; expected one of {', '.join(tasks) or 'none'}"
        )
    scaling = [key for key in SCALES_LOSS if len(sweep.get(key, ())) > 1]
    if criterion.lower_is_better and scaling:
        raise ConfigError(
            f"{where}: criterion: {criterion.metric} cannot rank points with different {scaling[0]}; "
            "use reward_accuracy or a task"
        )
    return criterion


def _word(key: str, value: Any) -> str:
    """A value as a part of the name of a stage: lr5e-6, beta0.1, sigmoid."""
    name = SHORT.get(key, key)
    if isinstance(value, bool) or value is None:
        return f"{name}_{SWITCHES[value]}"
    if isinstance(value, int | float):
        return f"{name}{shown(value)}"
    words = [str(word) for word in (value if isinstance(value, list) else [value])]
    return re.sub(r"[^A-Za-z0-9_.]+", "_", "_".join(words))


def shown(value: Any) -> str:
    """A swept value as text; 5e-06 becomes 5e-6."""
    if isinstance(value, float):
        return re.sub(r"e\+?(-?)0*(\d)", r"e\1\2", f"{value:g}")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
