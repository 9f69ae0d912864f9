"""What a training stage can be told: one dataclass a kind, read by the recipe and by the scripts in training/."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.common.config import build, read_yaml
from mcqa_suite.common.manifest import Data
from mcqa_suite.common.paths import shared_path
from mcqa_suite.training_data import sources
from mcqa_suite.training_data.sources.spec import PairSource, Source

DTYPES = ("float32", "bfloat16", "float16")
BITS = (8, 4, 3, 2)
BNB_FORMATS = ("int8", "nf4", "fp4")


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """What every kind has."""

    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype: {self.dtype!r}; expected one of {', '.join(DTYPES)}")


@dataclass(frozen=True, kw_only=True)
class _Trained(_Stage):
    """`lora` goes to peft.LoraConfig and `trainer` to the trainer's config class in TRL, which check their own values.

    `rows` is the total of a mix by shares. `full` trains every weight, `qlora` an adapter on the parent in 4 bits.
    `chat_template` None is: where the tokenizer has one. `merge` false keeps the adapter as the checkpoint.
    """

    rows: int | None = None
    trainer: dict[str, Any] = field(default_factory=dict)
    lora: dict[str, Any] | None = None
    full: bool = False
    qlora: bool = False
    merge: bool = True
    chat_template: bool | None = None
    allow_leaks: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.full and (self.lora or self.qlora):
            raise ValueError(f"full and {'lora' if self.lora else 'qlora'} exclude each other; take one of them out")
        if self.full and not self.merge:
            raise ValueError("merge: false keeps an adapter, and full trains none; take one of them out")


@dataclass(frozen=True, kw_only=True)
class SftSettings(_Trained):
    data: tuple[Source, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        _some(self.data, "data")


@dataclass(frozen=True, kw_only=True)
class _Paired(_Trained):
    """`held_out` is the share of the questions (not of the pairs) that is kept from training and measured on after it."""

    data: tuple[PairSource, ...]
    held_out: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _some(self.data, "data")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out: {self.held_out}; expected a share from 0 (none) to below 1")


@dataclass(frozen=True, kw_only=True)
class DpoSettings(_Paired):
    """Loss, beta and smoothing are TRL's own: `trainer: {loss_type: [robust], beta: 0.1, label_smoothing: 0.1}`."""


@dataclass(frozen=True, kw_only=True)
class OrpoSettings(_Paired):
    """The weight of the odds ratio is TRL's own: `trainer: {beta: 0.1}`."""


@dataclass(frozen=True, kw_only=True)
class RewardSettings(_Paired):
    """A scorer of answers; its checkpoint classifies a sequence and generates nothing, so no rung is evaluated on it."""


@dataclass(frozen=True, kw_only=True)
class GptqSettings(_Stage):
    """Defaults are AutoGPTQ's; `group_size` has to divide the width of every layer.

    `act_group_aware` is GPTQModel's cheaper stand-in for `desc_act`; the two exclude each other.
    """

    bits: int
    calibration: tuple[Source, ...]
    rows: int | None = None
    group_size: int = 128
    desc_act: bool = False
    act_group_aware: bool = False
    sym: bool = True
    damp_percent: float = 0.01
    batch_size: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bits not in BITS:
            raise ValueError(f"bits: {self.bits}; expected one of {', '.join(map(str, BITS))}")
        if self.group_size != -1 and self.group_size <= 0:
            raise ValueError(f"group_size: {self.group_size}; expected a positive number, or -1 for whole columns")
        if not 0 < self.damp_percent < 1:
            raise ValueError(f"damp_percent: {self.damp_percent}; expected a share between 0 and 1")
        if self.desc_act and self.act_group_aware:
            raise ValueError("desc_act and act_group_aware exclude each other; set one of them to false")
        _some(self.calibration, "calibration")


@dataclass(frozen=True, kw_only=True)
class BnbSettings(_Stage):
    """bitsandbytes' formats, quantised without calibration: int8, or 4 bits in nf4 or fp4."""

    format: str
    double_quant: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.format not in BNB_FORMATS:
            raise ValueError(f"format: {self.format!r}; expected one of {', '.join(BNB_FORMATS)}")


@dataclass(frozen=True, kw_only=True)
class MergeSettings(_Stage):
    """An adapter written into its recorded parent: nothing to choose but the dtype."""


Settings = SftSettings | DpoSettings | OrpoSettings | RewardSettings | GptqSettings | BnbSettings | MergeSettings
SETTINGS: dict[str, type[Settings]] = {
    "sft": SftSettings,
    "dpo": DpoSettings,
    "orpo": OrpoSettings,
    "reward": RewardSettings,
    "gptq": GptqSettings,
    "bnb": BnbSettings,
    "merge": MergeSettings,
}
TRAINED = ("sft", "dpo", "orpo", "reward")  # the kinds that have `chat_template`; the rest hand on their parent's


def parse_settings(kind: str, mapping: dict[str, Any], where: str, folder: Path) -> Settings:
    """The settings of a stage; a source's `path` is relative to `folder`, that of the file which names it."""
    settings = build(SETTINGS[kind], mapping, where)
    absolute: dict[str, Any] = {
        name: tuple(_absolute(source, folder) for source in getattr(settings, name))
        for name in ("data", "calibration")
        if hasattr(settings, name)
    }
    return dataclasses.replace(settings, **absolute)


def read_settings(kind: str, path: Path) -> Any:
    """The settings in a stage's YAML file: the dataclass that `SETTINGS` has for `kind`."""
    return parse_settings(kind, read_yaml(path), str(path), path.parent)


def read_rows(settings: Settings) -> tuple[list[dict[str, str]], tuple[Data, ...]]:
    """The rows that a stage takes and the fingerprint of each source; both empty for a kind that takes none."""
    if isinstance(settings, _Paired):
        return sources.read_pairs(settings.data, settings.rows)
    if isinstance(settings, SftSettings):
        return sources.read(settings.data, settings.rows)
    if isinstance(settings, GptqSettings):
        return sources.read(settings.calibration, settings.rows)
    return [], ()


def record(settings: Settings) -> dict[str, Any]:
    """The settings as a manifest keeps them: plain values, and of a path the file's name alone."""
    plain = dataclasses.asdict(settings)
    for source in [*plain.get("data", ()), *plain.get("calibration", ())]:
        if source["path"]:
            source["path"] = Path(source["path"]).name
    return plain


def _absolute(source: Any, folder: Path) -> Any:
    """The source with its path absolute: relative to `folder`, or to the shared data where it begins with $MCQA_SHARED/."""
    if not source.path:
        return source
    prefix, _, name = source.path.partition("$MCQA_SHARED/")
    path = shared_path(name) if name and not prefix else folder / source.path
    return dataclasses.replace(source, path=str(path.resolve()))


def _some(sources: tuple[Any, ...], name: str) -> None:
    if not sources:
        raise ValueError(f"{name}: empty; name at least one source")
