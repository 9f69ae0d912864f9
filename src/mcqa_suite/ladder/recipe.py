"""A recipe: the stages of a ladder, and the tasks that every rung is evaluated on.

The input paths of a recipe (`base`, `config`, a source's `path`, metadata in `FILES`) are relative to the recipe's folder;
`output` is relative to the working directory.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from mcqa_suite.common.chat_template import ChatTemplateSetting
from mcqa_suite.common.config import STRICT, Seed, parse, read_yaml
from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.paths import training_dir
from mcqa_suite.evaluation.evaluate_checkpoint import Evaluation
from mcqa_suite.ladder.foreign_recipes import check_trackers
from mcqa_suite.ladder.stage_settings import (
    SETTINGS,
    Dtype,
    Leaks,
    Settings,
    TrainedSettings,
    parse_settings,
    with_leaks,
)
from mcqa_suite.ladder.sweep import Criterion, Sweep, at, check_criterion, expand
from mcqa_suite.questions.bundle import Origin

BASE = "base"
DEFAULT_BASE = "smollm2-135m-instruct"
QUANTISED = ("gptq", "bnb")
FILES = ("epfl_file", "rules", "templates")  # metadata of an evaluation that names a file or folder
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
MOST_NAME = 100  # characters: the names of files are made from it


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name[:MOST_NAME]!r}; use letters, digits, '.', '_' and '-'")
    if len(name) > MOST_NAME:
        raise ValueError(f"{name[:20]}...: {len(name)} characters; use at most {MOST_NAME}")
    return name


def _gpus(n: float) -> float:
    if not (0 <= n <= 1 or (n > 1 and n.is_integer())):
        raise ValueError(f"{n:g}; expected a whole number, or a share of one GPU such as 0.5")
    return n


Name = Annotated[str, AfterValidator(_name)]
Count = Annotated[int, Field(ge=1)]
Gpus = Annotated[float, AfterValidator(_gpus)]


@dataclasses.dataclass(frozen=True)
class Stage:
    """A step from a parent to a checkpoint; `settings` is an instance of the class in `SETTINGS` for its kind.

    `parent` is a rung or, with `from_best`, a sweep whose best point is the parent. `num_cpus` and `num_gpus` are the
    resources of the stage; None uses the recipe's.
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings:
    """The keys of a recipe that apply to all stages.

    Everything is computed in `dtype`; the weights of every checkpoint that the run makes are stored in `save_dtype`.
    `threads` sets OMP_NUM_THREADS for every stage; None does not change it. `chat_template` is how every rung is asked; formats
    of which it says nothing are asked as the base's own manifest has it, else by the default. `num_cpus` and `num_gpus` are the
    resources of an evaluation, and of a stage that does not set them; `leaks` is the rule of a stage that has none. `jobs` is how
    many steps run at the same time; without `threads` they share the cores. With several `processes`, a training batch is
    per_device_train_batch_size x gradient_accumulation_steps x processes, as in TRL. `data` says which rows of public data sets
    are read where a source or an evaluation says nothing: the bundled ones, or the hub's.
    """

    name: Name
    dtype: Dtype = "float32"
    save_dtype: Dtype = "bfloat16"
    seed: Seed = 0
    batch_size: Count = 16
    threads: Count | None = None
    chat_template: ChatTemplateSetting = None
    leaks: Leaks = "drop"
    num_cpus: Count | None = None
    num_gpus: Gpus | None = None
    processes: Count = 1
    jobs: Count = 1
    data: Origin = "bundled"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(RunSettings):
    """`base` is a folder, a GGUF file or a name on the hub; `stages` includes every point of the `sweeps`.

    Training stages are started by `accelerate launch` with the configuration `accelerate`, or by torchrun where it is None.
    """

    path: Path
    base: str
    stages: tuple[Stage, ...]
    evaluate: tuple[Evaluation, ...]
    output: Path
    sweeps: tuple[Sweep, ...] = ()
    accelerate: Path | None = None


@dataclass(frozen=True, config=STRICT)
class BestOf:
    """`{best: name}`: the best point of the sweep of that name."""

    best: str


@dataclass(frozen=True, config=STRICT)
class StageEntry:
    """A stage in the file; `settings` override the settings in the file `config`."""

    name: Name
    kind: str
    parent: Any  # a name, or BestOf
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    config: str | None = None
    sweep: dict[str, Any] | None = None
    criterion: Criterion | None = None
    num_cpus: Count | None = None
    num_gpus: Gpus | None = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RecipeFile(RunSettings):
    """A recipe as its YAML file has it."""

    base: str = DEFAULT_BASE
    stages: tuple[StageEntry, ...] = ()
    evaluate: tuple[Evaluation, ...] = ()
    output: str | None = None
    accelerate: str | None = None


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; ConfigError names the file, the key and the nearest valid key."""
    file = parse(RecipeFile, read_yaml(path), str(path))
    folder = path.resolve().parent
    stages: list[Stage] = []
    sweeps: list[Sweep] = []
    for number, entry in enumerate(file.stages):
        where = f"{path}: stages[{number}]"
        _check_names(entry, stages, sweeps, where)
        parent, from_best = _parent(entry, stages, sweeps, where)
        points, sweep = _expanded(entry, file, where, folder)
        for name, settings in points.items():
            stage = Stage(name, entry.kind, parent, settings, from_best, entry.num_cpus, entry.num_gpus)
            stages += [stage, *_kept(stage, stages, where, swept=sweep is not None)]
        sweeps += [sweep] if sweep else []
    return Recipe(
        **{field.name: getattr(file, field.name) for field in dataclasses.fields(RunSettings)},
        path=path,
        base=_base(file.base, folder),
        stages=tuple(stages),
        evaluate=tuple(
            _with_absolute_files(
                _from(_for_rungs(entry, stages, sweeps, f"{path}: evaluate[{number}]"), file.data),
                folder,
                f"{path}: evaluate[{number}]",
            )
            for number, entry in enumerate(file.evaluate)
        ),
        output=Path(file.output or f"runs/{file.name}"),
        sweeps=tuple(sweeps),
        accelerate=_accelerate(file.accelerate, path),
    )


def _kept(stage: Stage, stages: list[Stage], where: str, *, swept: bool) -> Iterator[Stage]:
    """The rungs of the steps that a stage keeps: "sft-step50"."""
    settings = stage.settings
    if not isinstance(settings, TrainedSettings):
        return
    if settings.kept_step or settings.kept_from:
        raise ConfigError(f"{where}: kept_step and kept_from are not for recipes; write keep_steps")
    steps = sorted(settings.keep_steps or ())
    if steps and (swept or not stage.generates):
        raise ConfigError(f"{where}: keep_steps: a sweep or a reward model keeps no steps; remove it")
    taken = {other.name for other in stages}
    for step in steps:
        name = f"{stage.name}-step{step}"
        if name in taken:
            raise ConfigError(f"{where}: keep_steps: {step}: there is a stage {name!r} already; rename it")
        own = dataclasses.replace(settings, keep_steps=None, kept_step=step, kept_from=stage.name)
        yield dataclasses.replace(stage, name=name, settings=own)


def with_jobs(recipe: Recipe, jobs: int | None) -> Recipe:
    """The recipe with another number of jobs; None leaves its own. ConfigError for a number below 1."""
    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs {jobs}: expected at least 1")
    return recipe if jobs is None else dataclasses.replace(recipe, jobs=jobs)


def evaluated(recipe: Recipe, rung: str) -> dict[int, Evaluation]:
    """The entries of `evaluate` that are for a rung, by their number."""
    return {number: entry for number, entry in enumerate(recipe.evaluate) if _is_for(entry, rung)}


def _is_for(entry: Evaluation, name: str) -> bool:
    return entry.rungs is None or name in entry.rungs


def until(recipe: Recipe, name: str) -> Recipe:
    """The recipe up to the stage or sweep `name`; ConfigError for an unknown name."""
    last = {stage.name: stage.name for stage in recipe.stages}
    last |= {sweep.name: sweep.points[-1].stage for sweep in recipe.sweeps}
    if name not in last:
        raise ConfigError(f"{recipe.path}: no stage {name!r}; expected one of {', '.join(last) or 'none'}")
    names = [stage.name for stage in recipe.stages]
    first = names[: names.index(last[name]) + 1]
    sweeps = tuple(sweep for sweep in recipe.sweeps if sweep.points[-1].stage in first)
    return dataclasses.replace(recipe, stages=recipe.stages[: len(first)], sweeps=sweeps)


def _check_names(entry: StageEntry, stages: list[Stage], sweeps: list[Sweep], where: str) -> None:
    if entry.name in [BASE, *(stage.name for stage in stages), *(sweep.name for sweep in sweeps)]:
        raise ConfigError(f"{where}: name: {entry.name!r} is already used; give every stage its own name")
    if entry.name == "settings" or entry.name.endswith(".evaluation"):
        raise ConfigError(f"{where}: name: {entry.name!r} is that of another log file of the run; choose another name")
    if entry.kind not in SETTINGS:
        raise ConfigError(f"{where}: kind: {entry.kind!r}; expected one of {', '.join(SETTINGS)}")


def _parent(entry: StageEntry, stages: list[Stage], sweeps: list[Sweep], where: str) -> tuple[str, bool]:
    """The parent's name, and whether it is a sweep whose best point is used; ConfigError where it does not fit the stage."""
    from_best = isinstance(entry.parent, dict)
    name = parse(BestOf, entry.parent, f"{where}: parent").best if from_best else entry.parent
    where = f"{where}: parent: {name!r}"
    first_points = {sweep.name: sweep.points[0].stage for sweep in sweeps}
    allowed = [*first_points] if from_best else [BASE, *(stage.name for stage in stages)]
    if name not in allowed:
        if isinstance(name, str) and name in first_points:
            raise ConfigError(f"{where} is a sweep; name a point of it, or write {{best: {name}}}")
        raise ConfigError(f"{where}; expected one of {', '.join(allowed) or 'the stages with a sweep: there are none'}")
    parent = next((stage for stage in stages if stage.name == first_points.get(name, name)), None)
    _check_parent(entry.kind, parent, where)
    return name, from_best


def _check_parent(kind: str, parent: Stage | None, where: str) -> None:
    """ConfigError, before any training, where a stage of this kind cannot be made from `parent` (None: the base)."""
    adapter = parent is not None and not getattr(parent.settings, "merge", True)
    if kind == "merge" and not adapter:
        raise ConfigError(f"{where} is not an adapter; merge needs a stage with merge: false")
    if parent and parent.kind in QUANTISED:
        raise ConfigError(f"{where} is quantised; name its parent")
    if parent and not parent.generates and kind != "merge":
        raise ConfigError(f"{where} is a reward model, which only scores; name its parent")
    if kind in QUANTISED and adapter:
        raise ConfigError(f"{where} is an adapter (merge: false); put a stage of kind merge between them")


def _expanded(
    entry: StageEntry, file: RecipeFile, where: str, folder: Path
) -> tuple[dict[str, Settings], Sweep | None]:
    """The settings of the stage, or of every point of its sweep, by name; and the sweep."""
    kind, source = entry.kind, f"{where}: settings"
    mapping = with_leaks(kind, entry.settings, source)
    if entry.config is not None:
        path, source = folder / entry.config, f"{where}: {entry.config}"
        mapping, folder = {**with_leaks(kind, read_yaml(path), source), **mapping}, path.parent
    check_trackers(mapping, source)
    if "leave_out" in mapping:
        raise ConfigError(f"{source}: leave_out is not for recipes: `mcqa run` finds the rows to leave out; remove it")
    defaults = {key: getattr(file, key) for key in ("seed", "dtype", "save_dtype", "leaks")}
    mapping = {key: value for key, value in defaults.items() if key in SETTINGS[kind].__dataclass_fields__} | mapping
    if entry.sweep is None:
        if entry.criterion is not None:
            raise ConfigError(f"{where}: criterion without a sweep; remove it, or add a sweep")
        return {entry.name: parse_settings(kind, mapping, source, folder, file.data)}, None
    points = expand(entry.name, kind, mapping, entry.sweep, f"{where}: sweep")
    evaluations = [evaluation for evaluation in file.evaluate if kind != "reward" and _is_for(evaluation, entry.name)]
    tasks = [task for evaluation in evaluations for task in evaluation.tasks]
    sweep = Sweep(entry.name, check_criterion(entry.criterion, entry.sweep, tasks, where), points)
    return {
        point.stage: parse_settings(kind, at(point, kind, mapping), source, folder, file.data) for point in points
    }, sweep


def _accelerate(name: str | None, path: Path) -> Path | None:
    """A configuration of training/configs/accelerate by name; other files are refused, as they could start other machines."""
    files = {file.stem: file for file in sorted((training_dir() / "configs" / "accelerate").glob("*.yaml"))}
    if name is not None and name not in files:
        raise ConfigError(f"{path}: accelerate: {name!r}; expected one of {', '.join(files)}")
    return None if name is None else files[name]


def _base(base: str, folder: Path) -> str:
    """The absolute path of an existing folder or file, else the text unchanged (a name, or a path that does not exist)."""
    path = folder / base
    return str(path.resolve()) if path.exists() else base


def _for_rungs(entry: Evaluation, stages: list[Stage], sweeps: list[Sweep], where: str) -> Evaluation:
    """The entry with the points of a sweep in place of the sweep's name; ConfigError for a name that is no rung."""
    points = {sweep.name: [point.stage for point in sweep.points] for sweep in sweeps}
    rungs = {BASE: [BASE]} | {stage.name: [stage.name] for stage in stages if stage.generates} | points
    if unknown := [name for name in entry.rungs or () if name not in rungs]:
        names = [name for name in rungs if name not in {point for group in points.values() for point in group}]
        raise ConfigError(f"{where}: rungs: {unknown[0]!r}; expected some of {', '.join(names)}")
    return dataclasses.replace(entry, rungs=entry.rungs and tuple(rung for name in entry.rungs for rung in rungs[name]))


def _from(entry: Evaluation, origin: Origin) -> Evaluation:
    """The entry, reading the hub's rows if the recipe says so and the entry's own metadata does not say otherwise."""
    if origin == "bundled":
        return entry
    return dataclasses.replace(entry, metadata={"data": origin, **(entry.metadata or {})})


def _with_absolute_files(entry: Evaluation, folder: Path, where: str) -> Evaluation:
    metadata = entry.metadata or {}
    names = {key: metadata[key] for key in FILES if metadata.get(key) not in (None, "")}
    for key, name in names.items():
        if not isinstance(name, str) or "\0" in name:
            raise ConfigError(f"{where}: metadata: {key}: {name!r}; expected the path of a file")
    files = {key: str((folder / name).resolve()) for key, name in names.items()}
    return dataclasses.replace(entry, metadata={**metadata, **files}) if files else entry
