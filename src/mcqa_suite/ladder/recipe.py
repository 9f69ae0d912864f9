"""A recipe: the stages of a ladder and what every rung is evaluated on, as a YAML file says it.

What a recipe reads (`base`, `config`, a source's `path`, `epfl_file`) is relative to the recipe's folder; what is
written (`output`) to the working directory.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcqa_suite.common.config import build, read_yaml
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.plan import Evaluation
from mcqa_suite.ladder.stage_settings import DTYPES, SETTINGS, Settings, parse_settings
from mcqa_suite.ladder.sweep import Criterion, Sweep, at, check_criterion, expand

BASE = "base"
QUANTISED = ("gptq", "bnb")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Stage:
    """One step from a parent to a checkpoint; `settings` is the dataclass of its kind (see `settings.SETTINGS`).

    `parent` is a rung, or, where `from_best`, a sweep, of which the best point is meant. `num_cpus` and `num_gpus` are what
    it takes, None what the recipe says.
    """

    name: str
    kind: str
    parent: str
    settings: Settings
    from_best: bool = False
    num_cpus: int | None = None
    num_gpus: float | None = None

    @property
    def generates(self) -> bool:
        """Whether its checkpoint can be evaluated on tasks: a reward model only scores."""
        return self.kind != "reward"


@dataclass(frozen=True)
class Recipe:
    """`base` is a folder or a name on the hub, by default the embedded model.

    `threads` sets OMP_NUM_THREADS for every stage; None leaves it alone. `chat_template` None is: where the base's tokenizer
    has one. `stages` holds every point of the `sweeps`. `num_cpus` and `num_gpus` are what an evaluation takes, and a stage that
    says nothing itself. `processes` train and evaluate together: a batch is per_device_train_batch_size x
    gradient_accumulation_steps x processes, as TRL has it. `accelerate` is a file for `accelerate launch`, which then starts
    those that train; None leaves them to torchrun.
    """

    path: Path
    name: str
    base: str
    dtype: str
    seed: int
    batch_size: int
    threads: int | None
    stages: tuple[Stage, ...]
    evaluate: tuple[Evaluation, ...]
    output: Path
    chat_template: bool | None = None
    sweeps: tuple[Sweep, ...] = ()
    num_cpus: int | None = None
    num_gpus: float | None = None
    processes: int = 1
    accelerate: Path | None = None


@dataclass(frozen=True)
class _Stage:
    """A stage as it is written: `settings` here, or in the file `config`, or both, `settings` winning.

    `parent` is a name, or `{best: name}` of a stage with a `sweep`.
    """

    name: str
    kind: str
    parent: Any
    settings: dict[str, Any] = field(default_factory=dict)
    config: str | None = None
    sweep: dict[str, Any] | None = None
    criterion: Criterion | None = None
    num_cpus: int | None = None
    num_gpus: float | None = None

    def __post_init__(self) -> None:
        _check_needs(self.num_cpus, self.num_gpus)


@dataclass(frozen=True)
class _Best:
    best: str


@dataclass(frozen=True)
class _Recipe:
    name: str
    base: str | None = None
    stages: tuple[_Stage, ...] = ()
    evaluate: tuple[Evaluation, ...] = ()
    dtype: str = "float32"
    seed: int = 0
    batch_size: int = 16
    threads: int | None = None
    output: str | None = None
    chat_template: bool | None = None
    num_cpus: int | None = None
    num_gpus: float | None = None
    processes: int = 1
    accelerate: str | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype: {self.dtype!r}; expected one of {', '.join(DTYPES)}")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r}; use letters, digits, '.', '_' and '-'")
        for name, value in (
            ("batch_size", self.batch_size),
            ("threads", self.threads),
            ("processes", self.processes),
        ):
            if value is not None and value < 1:
                raise ValueError(f"{name}: {value}; expected at least 1")
        _check_needs(self.num_cpus, self.num_gpus)


def _check_needs(cpus: int | None, gpus: float | None) -> None:
    if cpus is not None and cpus < 1:
        raise ValueError(f"num_cpus: {cpus}; expected at least 1")
    if gpus is not None and not (0 <= gpus <= 1 or (gpus > 1 and gpus.is_integer())):
        raise ValueError(f"num_gpus: {gpus:g}; expected a whole number, or a share of one GPU such as 0.5")


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file; ConfigError names file, place, and the nearest key that would be known."""
    written = build(_Recipe, read_yaml(path), str(path))
    folder = path.resolve().parent
    stages: list[Stage] = []
    sweeps: list[Sweep] = []
    for number, stage in enumerate(written.stages):
        where = f"{path}: stages[{number}]"
        _check_name(stage, stages, sweeps, where)
        parent = _parent(stage, stages, sweeps, where)
        made, sweep = _expanded(stage, parent, written, where, folder)
        stages += made
        sweeps += [sweep] if sweep else []
    return Recipe(
        path=path,
        name=written.name,
        base=_base(written.base, folder),
        dtype=written.dtype,
        seed=written.seed,
        batch_size=written.batch_size,
        threads=written.threads,
        stages=tuple(stages),
        evaluate=tuple(_with_epfl_file(entry, folder) for entry in written.evaluate),
        output=Path(written.output or f"runs/{written.name}"),
        chat_template=written.chat_template,
        sweeps=tuple(sweeps),
        num_cpus=written.num_cpus,
        num_gpus=written.num_gpus,
        processes=written.processes,
        accelerate=_accelerate(written.accelerate, path),
    )


def _accelerate(name: str | None, path: Path) -> Path | None:
    """One of our own configurations, by name: a stranger's could start processes on other machines."""
    ours = {file.stem: file for file in sorted((training_dir() / "configs" / "accelerate").glob("*.yaml"))}
    if name is not None and name not in ours:
        raise ConfigError(f"{path}: accelerate: {name!r}; expected one of {', '.join(ours)}")
    return None if name is None else ours[name]


def until(recipe: Recipe, name: str) -> Recipe:
    """The recipe up to a stage, or to the last point of a sweep; ConfigError where it has neither."""
    last = {stage.name: stage.name for stage in recipe.stages}
    last |= {sweep.name: sweep.points[-1].stage for sweep in recipe.sweeps}
    if name not in last:
        raise ConfigError(f"{recipe.path}: no stage {name!r} to end with; it has {', '.join(last) or 'none'}")
    names = [stage.name for stage in recipe.stages]
    kept = names[: names.index(last[name]) + 1]
    sweeps = tuple(sweep for sweep in recipe.sweeps if sweep.points[-1].stage in kept)
    return dataclasses.replace(recipe, stages=recipe.stages[: len(kept)], sweeps=sweeps)


def _check_name(stage: _Stage, stages: list[Stage], sweeps: list[Sweep], where: str) -> None:
    """A stage has a known kind, and a name that no rung and no sweep has."""
    if not NAME.fullmatch(stage.name):
        raise ConfigError(f"{where}: name: {stage.name!r}; use letters, digits, '.', '_' and '-'")
    if stage.name in [BASE, *(done.name for done in stages), *(sweep.name for sweep in sweeps)]:
        raise ConfigError(f"{where}: name: {stage.name!r} is taken; every rung needs a name of its own")
    if stage.kind not in SETTINGS:
        raise ConfigError(f"{where}: kind: {stage.kind!r}; expected one of {', '.join(SETTINGS)}")


def _parent(stage: _Stage, stages: list[Stage], sweeps: list[Sweep], where: str) -> tuple[str, bool]:
    """The name that `parent` gives, made before and fit for the stage's kind, and whether the best of a sweep is meant."""
    from_best = isinstance(stage.parent, dict)
    name = build(_Best, stage.parent, f"{where}: parent").best if from_best else stage.parent
    swept = [sweep.name for sweep in sweeps]
    known = swept if from_best else [BASE, *(done.name for done in stages)]
    if name not in known:
        if not from_best and name in swept:
            raise ConfigError(f"{where}: parent: {name!r} is a sweep; name a point of it, or write {{best: {name}}}")
        expected = f"expected one of {', '.join(known)}" if known else "no stage before it has a sweep"
        raise ConfigError(f"{where}: parent: {name!r}; {expected}")
    first = next((sweep.points[0].stage for sweep in sweeps if sweep.name == name), name)
    _check_parent(stage.kind, next((done for done in stages if done.name == first), None), f"{where}: parent: {name!r}")
    return name, from_best


def _check_parent(kind: str, parent: Stage | None, where: str) -> None:
    """Says before any training what the stage's script would say after its parent was made. The base is `None`."""
    adapter = parent is not None and not getattr(parent.settings, "merge", True)
    if kind == "merge" and not adapter:
        raise ConfigError(f"{where} is no adapter; merge takes a stage with merge: false")
    if parent is None:
        return
    if parent.kind in QUANTISED:
        raise ConfigError(f"{where} is quantised; nothing can be made from it, so name what it was made from")
    if not parent.generates and kind != "merge":
        raise ConfigError(f"{where} is a reward model, which only scores; name what it was made from")
    if kind in QUANTISED and adapter:
        raise ConfigError(f"{where} stays an adapter (merge: false); put a stage of kind merge between")


def _expanded(
    stage: _Stage, parent: tuple[str, bool], recipe: _Recipe, where: str, folder: Path
) -> tuple[list[Stage], Sweep | None]:
    """The stage, or every point of its sweep."""
    mapping, place, folder = _mapping(stage, where, folder)
    mapping = _from_recipe(recipe, stage.kind) | mapping

    def made(name: str, settings: Settings) -> Stage:
        return Stage(name, stage.kind, parent[0], settings, parent[1], stage.num_cpus, stage.num_gpus)

    if stage.sweep is None:
        if stage.criterion is not None:
            raise ConfigError(f"{where}: criterion without a sweep; take it out, or say what is swept")
        return [made(stage.name, parse_settings(stage.kind, mapping, place, folder))], None
    points = expand(stage.name, stage.kind, mapping, stage.sweep, f"{where}: sweep")
    tasks = [task for entry in recipe.evaluate for task in entry.tasks] if stage.kind != "reward" else []
    sweep = Sweep(stage.name, check_criterion(stage.criterion, stage.sweep, tasks, where), points)
    settings_of = {
        point.stage: parse_settings(stage.kind, at(point, stage.kind, mapping), place, folder) for point in points
    }
    return [made(name, settings) for name, settings in settings_of.items()], sweep


def _mapping(stage: _Stage, where: str, folder: Path) -> tuple[dict[str, Any], str, Path]:
    """A stage's settings as written, the place to name in errors, and the folder that its paths are relative to."""
    if stage.config is None:
        return stage.settings, f"{where}: settings", folder
    config = folder / stage.config
    return {**read_yaml(config), **stage.settings}, f"{where}: {stage.config}", config.parent


def _from_recipe(recipe: _Recipe, kind: str) -> dict[str, Any]:
    """What a stage takes from the recipe where it says nothing itself."""
    known = {field.name for field in dataclasses.fields(SETTINGS[kind])}
    given = {"seed": recipe.seed, "dtype": recipe.dtype, "chat_template": recipe.chat_template}
    return {name: value for name, value in given.items() if name in known}


def _base(base: str | None, folder: Path) -> str:
    """An absolute path where the recipe's folder leads to one, else the words as written: a hub name, or missing."""
    place = training_dir() / "base" if base is None else folder / base
    return str(place.resolve()) if place.is_dir() or base is None else base


def _with_epfl_file(entry: Evaluation, folder: Path) -> Evaluation:
    file = (entry.metadata or {}).get("epfl_file")
    if not file:
        return entry
    return dataclasses.replace(entry, metadata={**(entry.metadata or {}), "epfl_file": str((folder / file).resolve())})
