"""The settings of each kind of stage, read by recipes and by the scripts in training/."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.chat_template import ChatTemplate, ChatTemplateSetting
from mcqa_suite.common.config import STRICT, Seed, parse, parse_json, read_yaml
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.files import read_bytes
from mcqa_suite.common.manifest import Data, LeftOut
from mcqa_suite.common.paths import shared_path
from mcqa_suite.ladder.foreign_recipes import check_arguments
from mcqa_suite.questions.bundle import Origin
from mcqa_suite.training_data import sources
from mcqa_suite.training_data.sources.source import PairSource, Source

MODULE = re.compile(r"[A-Za-z0-9_.]{1,200}")  # of a model
POSITIVE = {
    "learning_rate",
    "num_train_epochs",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "max_length",
}
POSITIVE |= {"gradient_accumulation_steps", "logging_steps", "eval_steps", "beta", "r", "lora_alpha"}
Leaks = Literal["drop", "stop", "allow"]
Dtype = Literal["float32", "bfloat16", "float16"]
Share = Annotated[float, Field(gt=0, lt=1)]
HeldOut = Annotated[float, Field(ge=0, lt=1)]
Sources = Annotated[tuple[Source, ...], Field(min_length=1)]
PairSources = Annotated[tuple[PairSource, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StageSettings:
    """The settings of every kind of stage: it computes in `dtype`, and stores its weights in `save_dtype`."""

    seed: Seed = 0
    dtype: Dtype = "float32"
    save_dtype: Dtype = "bfloat16"


@dataclass(frozen=True)
class LeaveOut:
    """Rows that hold questions of the evaluation, by their numbers in all rows of `data`, and the SHA-256 of their text."""

    rows: tuple[int, ...]
    sha256: str
    data: tuple[Data, ...]

    @property
    def record(self) -> LeftOut:
        """What the manifest of the stage says about them."""
        n = len(self.rows)
        return LeftOut(n, self.sha256, sum(source.n for source in self.data) - n)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RowSettings(StageSettings):
    """The settings of stages that read rows.

    `rows` is the total number of rows where sources have shares. `leaks` says what happens to rows that hold questions of the
    evaluation: they are left out (`drop`), stop the run, or stay (`allow`); `rows`, and `n` of a source, count them.
    `leave_out` is the file of a `LeaveOut`, which the ladder writes.
    """

    rows: Annotated[int, Field(ge=1)] | None = None
    leaks: Leaks = "drop"
    leave_out: str | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TrainedSettings(RowSettings):
    """`trainer` has the arguments of the trainer's config class in TRL, `lora` those of peft.LoraConfig.

    `full` trains all weights, `qlora` an adapter on the parent in 4 bits. `merge: false` saves the adapter alone. `chat_template`
    says how the rows are written; None: as the parent is asked. After each of `keep_steps` the weights are kept; in a recipe each
    of them is a rung too, whose settings have `kept_step` and `kept_from`, the stage that kept it.
    """

    trainer: dict[str, Any] = dataclasses.field(default_factory=dict)
    lora: dict[str, Any] | None = None
    full: bool = False
    qlora: bool = False
    merge: bool = True
    chat_template: ChatTemplateSetting = None
    keep_steps: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None = None
    kept_step: int | None = None
    kept_from: str | None = None

    def __post_init__(self) -> None:
        check_positive(self.trainer, "trainer")
        check_positive(self.lora or {}, "lora")
        check_modules(self.lora or {})
        check_arguments("trainer", self.trainer)
        check_arguments("lora", self.lora or {})
        if self.keep_steps and len(set(self.keep_steps)) < len(self.keep_steps):
            raise ValueError(f"keep_steps: {list(self.keep_steps)}: a step comes twice; name each once")
        if self.full and (self.lora or self.qlora):
            raise ValueError(f"full and {'lora' if self.lora else 'qlora'} exclude each other; remove one of them")
        if self.full and not self.merge:
            raise ValueError("merge: false saves an adapter, but full trains none; remove one of them")


def check_positive(arguments: dict[str, Any], key: str) -> None:
    """ValueError for an argument of the trainer or the adapter that has to be a positive number and is none."""
    for name in POSITIVE.intersection(arguments):
        value = arguments[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ValueError(f"{key}: {name}: {value!r}; expected a number above 0")


def check_modules(lora: dict[str, Any]) -> None:
    """ValueError for a pattern in place of names of modules: PEFT reads one as a regular expression, which may never end."""
    for name in ("target_modules", "exclude_modules"):
        value = lora.get(name)
        if isinstance(value, str) and not (name == "target_modules" and value == "all-linear"):
            raise ValueError(f"lora: {name}: {value[:40]!r}; write a list of names, or all-linear")
    for name in ("rank_pattern", "alpha_pattern"):
        modules = lora.get(name) or {}
        if not isinstance(modules, dict) or not all(MODULE.fullmatch(str(module)) for module in modules):
            raise ValueError(f"lora: {name}: {str(modules)[:40]}; expected names of modules, each with a number")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class QatSettings:
    """The bits and the group size of the GPTQ stage that a quantisation-aware training is for."""

    bits: Literal[8, 4, 3, 2]
    group_size: Annotated[int, Field(ge=1)] = 128


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SftSettings(TrainedSettings):
    """`held_out` is the share of the questions that is kept for the validation loss; the rows of `validation` take its place.

    With `qat` the model is trained with rounded weights, for a GPTQ stage that follows.
    """

    data: Sources
    held_out: HeldOut | None = None
    validation: Sources | None = None
    qat: QatSettings | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.qat and not self.full:
            raise ValueError("qat rounds the weights that are trained; set full: true, or remove qat")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PreferenceSettings(TrainedSettings):
    """`held_out` is the share of the questions (not of the pairs) that is kept for measuring rewards after training.

    The pairs of `validation` take its place, so that stages with other `data` are measured on the same pairs.
    The losses' own arguments are TRL's: `trainer: {loss_type: [robust], beta: 0.1, label_smoothing: 0.1}`.
    """

    data: PairSources
    held_out: HeldOut = 0.1
    validation: PairSources | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GptqSettings(RowSettings):
    """The defaults are AutoGPTQ's. `group_size` must divide the width of every layer (-1: whole columns).

    `act_group_aware` is GPTQModel's cheaper alternative to `desc_act`.
    """

    bits: Literal[8, 4, 3, 2]
    calibration: Sources
    group_size: int = 128
    desc_act: bool = False
    act_group_aware: bool = False
    sym: bool = True
    damp_percent: Share = 0.01
    batch_size: Annotated[int, Field(ge=1)] = 8

    def __post_init__(self) -> None:
        if self.group_size != -1 and self.group_size <= 0:
            raise ValueError(f"group_size: {self.group_size}; expected a positive number, or -1 for whole columns")
        if any(source.max_tokens for source in self.calibration):
            raise ValueError(
                "calibration: max_tokens is for rows that are trained on; rows of calibration are read whole"
            )
        if self.desc_act and self.act_group_aware:
            raise ValueError("desc_act and act_group_aware exclude each other; set one of them to false")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BnbSettings(StageSettings):
    """bitsandbytes' formats, quantised without calibration: int8, or 4 bits in nf4 or fp4."""

    format: Literal["int8", "nf4", "fp4"]
    double_quant: bool = False


Settings = SftSettings | PreferenceSettings | GptqSettings | BnbSettings | StageSettings
SETTINGS: dict[str, type[Settings]] = {
    "sft": SftSettings,
    "dpo": PreferenceSettings,
    "orpo": PreferenceSettings,
    "reward": PreferenceSettings,
    "gptq": GptqSettings,
    "bnb": BnbSettings,
    "merge": StageSettings,
}
ENTRIES = ("data", "validation", "calibration")  # the keys of settings that name sources
TRAINED = ("sft", "dpo", "orpo", "reward")


def parse_settings(
    kind: str, mapping: dict[str, Any], where: str, folder: Path, origin: Origin = "bundled"
) -> Settings:
    """The settings of a stage; the `path` of a source is relative to `folder`, the folder of the YAML file.

    With `origin` "hub", sources that do not say where their rows come from read the hub's.
    """
    settings = parse(SETTINGS[kind], with_leaks(kind, mapping, where), where)
    absolute: dict[str, Any] = {
        name: tuple(_absolute(_from(source, origin), folder) for source in getattr(settings, name))
        for name in ENTRIES
        if getattr(settings, name, None)
    }
    if name := getattr(settings, "leave_out", None):
        absolute["leave_out"] = str((folder / name).resolve())
    return dataclasses.replace(settings, **absolute)


def with_leaks(kind: str, mapping: dict[str, Any], where: str) -> dict[str, Any]:
    """The mapping with the key `leaks` in place of `allow_leaks`, its name in older files; ConfigError where it has both."""
    if "allow_leaks" not in mapping or not issubclass(SETTINGS[kind], RowSettings):
        return mapping
    others = {key: value for key, value in mapping.items() if key != "allow_leaks"}
    if "leaks" in others:
        raise ConfigError(f"{where}: both 'leaks' and 'allow_leaks'; keep only leaks: drop, stop or allow")
    if not isinstance(allow := mapping["allow_leaks"], bool):
        raise ConfigError(f"{where}: allow_leaks: {allow!r}; write leaks: drop, stop or allow")
    return others | {"leaks": "allow" if allow else "stop"}


def read_settings(kind: str, path: Path) -> Any:
    """Read a stage's YAML file into the dataclass in `SETTINGS` for `kind`."""
    return parse_settings(kind, read_yaml(path), str(path), path.parent)


def rows_chat_template(settings: Settings, parent: ChatTemplate) -> ChatTemplate:
    """How the rows of a stage are written, for each format that they have: as it sets, else as its `parent` is asked."""
    entries = [entry for name in ENTRIES for entry in getattr(settings, name, None) or ()]
    own: ChatTemplate | None = getattr(settings, "chat_template", None)
    return (own or ChatTemplate()).over(parent).among(dict.fromkeys(map(sources.format_of, entries)))


def read_rows(settings: Settings) -> tuple[list[dict[str, str]], tuple[Data, ...]]:
    """The rows of a stage without those of `leave_out`, and the fingerprint of each whole source; empty for a kind without data.

    DatasetError where `leave_out` was made for other rows.
    """
    if isinstance(settings, GptqSettings):
        rows, data = sources.read(settings.calibration, settings.rows)
    elif isinstance(settings, SftSettings | PreferenceSettings):
        rows, data = sources.read(settings.data, settings.rows)
    else:
        return [], ()
    leave_out = read_leave_out(settings)
    if leave_out is None:
        return rows, data
    if leave_out.data != data:
        raise DatasetError(f"{settings.leave_out}: made for other rows than the data has now; run the recipe again")
    numbers = set(leave_out.rows)
    return [row for number, row in enumerate(rows) if number not in numbers], data


def read_validation(settings: Settings) -> tuple[list[dict[str, str]], tuple[Data, ...]]:
    """The rows of `validation` and the fingerprint of each source; empty where the settings have none."""
    entries = getattr(settings, "validation", None)
    return sources.read(entries) if entries else ([], ())


def read_leave_out(settings: Settings) -> LeaveOut | None:
    """The rows that a stage leaves out; None where it has no list of them."""
    if not isinstance(settings, RowSettings) or settings.leave_out is None:
        return None
    path = Path(settings.leave_out)
    try:
        return parse_json(LeaveOut, read_bytes(path), str(path))
    except OSError as error:
        raise ConfigError(f"leave_out: {path}: {error.strerror}; run the recipe again, or remove the key") from error


# A checkpoint depends on the rows that were left out and on how its rows were written (both are in the manifest), not on the
# settings that say so; `allow_leaks` is in manifests of older versions.
NOT_COMPARED = ("leaks", "leave_out", "allow_leaks", "chat_template")


def record(settings: Settings) -> dict[str, Any]:
    """The settings as JSON has them, for a manifest; of a path only the file name is kept."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    for source in [source for name in ENTRIES for source in plain.get(name) or ()]:
        if source["path"]:
            source["path"] = Path(source["path"]).name
    return compared(plain)


def compared(recorded: dict[str, Any]) -> dict[str, Any]:
    """The settings of a manifest on which the checkpoint depends; where it is older than `save_dtype`, that was `dtype`.

    What is not set is left out: a setting that came with a later version does not change what was made before.
    """
    settings = {"save_dtype": recorded.get("dtype")} | recorded
    return {key: _set(value) for key, value in settings.items() if value is not None and key not in NOT_COMPARED}


def _set(value: Any) -> Any:
    """A JSON value without the keys whose value is null."""
    if isinstance(value, dict):
        return {key: _set(each) for key, each in value.items() if each is not None}
    return [_set(each) for each in value] if isinstance(value, list) else value


def _from(source: Any, origin: Origin) -> Any:
    """The source, with the hub's rows where the recipe says so; the bundled ones are read anyway."""
    return source if origin == "bundled" else sources.with_origin(source, origin)


def _absolute(source: Any, folder: Path) -> Any:
    """The source with an absolute path; it was relative to `folder`, or to the shared data after "$MCQA_SHARED/"."""
    if not source.path:
        return source
    prefix, _, name = source.path.partition("$MCQA_SHARED/")
    path = shared_path(name) if name and not prefix else folder / source.path
    return dataclasses.replace(source, path=str(path.resolve()))
