"""What a training stage can be told: one dataclass a kind, read by the recipe and by the scripts in training/."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.config import build, read_yaml
from mcqa_suite.sources.spec import Source

DTYPES = ("float32", "bfloat16", "float16")
BITS = (8, 4, 3, 2)


@dataclass(frozen=True)
class SftSettings:
    """`lora` goes to peft.LoraConfig and `trainer` to trl.SFTConfig, which check their own values."""

    data: tuple[Source, ...]
    trainer: dict[str, Any] = field(default_factory=dict)
    lora: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _check_dtype(self.dtype)
        if not self.data:
            raise ValueError("data: empty; name at least one source")


@dataclass(frozen=True)
class GptqSettings:
    """Defaults are AutoGPTQ's; `group_size` has to divide the width of every layer.

    `act_group_aware` is GPTQModel's cheaper stand-in for `desc_act`; the two exclude each other.
    """

    bits: int
    calibration: tuple[Source, ...]
    group_size: int = 128
    desc_act: bool = False
    act_group_aware: bool = False
    sym: bool = True
    damp_percent: float = 0.01
    batch_size: int = 8
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _check_dtype(self.dtype)
        if self.bits not in BITS:
            raise ValueError(f"bits: {self.bits}; expected one of {', '.join(map(str, BITS))}")
        if self.group_size != -1 and self.group_size <= 0:
            raise ValueError(f"group_size: {self.group_size}; expected a positive number, or -1 for whole columns")
        if not 0 < self.damp_percent < 1:
            raise ValueError(f"damp_percent: {self.damp_percent}; expected a share between 0 and 1")
        if self.desc_act and self.act_group_aware:
            raise ValueError("desc_act and act_group_aware exclude each other; set one of them to false")
        if not self.calibration:
            raise ValueError("calibration: empty; name at least one source")


Settings = SftSettings | GptqSettings
SETTINGS: dict[str, type[Settings]] = {"sft": SftSettings, "gptq": GptqSettings}


def parse_settings(kind: str, mapping: dict[str, Any], where: str, folder: Path) -> Settings:
    """The settings of a stage; a source's `path` is relative to `folder`, that of the file which names it."""
    settings = build(SETTINGS[kind], mapping, where)
    if isinstance(settings, SftSettings):
        return dataclasses.replace(settings, data=tuple(_absolute(source, folder) for source in settings.data))
    return dataclasses.replace(
        settings, calibration=tuple(_absolute(source, folder) for source in settings.calibration)
    )


def read_settings(kind: str, path: Path) -> Any:
    """The settings in a stage's YAML file: SftSettings or GptqSettings, as `kind` says."""
    return parse_settings(kind, read_yaml(path), str(path), path.parent)


def record(settings: Settings) -> dict[str, Any]:
    """The settings as a manifest keeps them: plain values, and of a path the file's name alone."""
    plain = dataclasses.asdict(settings)
    for source in [*plain.get("data", ()), *plain.get("calibration", ())]:
        if source["path"]:
            source["path"] = Path(source["path"]).name
    return plain


def _absolute(source: Source, folder: Path) -> Source:
    return dataclasses.replace(source, path=str((folder / source.path).resolve())) if source.path else source


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise ValueError(f"dtype: {dtype!r}; expected one of {', '.join(DTYPES)}")
