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

from mcqa_suite.config import build, read_yaml
from mcqa_suite.errors import ConfigError
from mcqa_suite.paths import training_dir
from mcqa_suite.settings import DTYPES, SETTINGS, Settings, parse_settings

BASE = "base"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Evaluation:
    """Tasks that are run together. An `optional` one is skipped, and said to be, where its data cannot be had."""

    tasks: tuple[str, ...]
    limit: float | None = None
    num_fewshot: int | None = None
    gen_kwargs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    apply_chat_template: bool = False
    optional: bool = False

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ValueError("tasks: empty; name at least one task")
        if self.limit is not None and self.limit <= 0:
            raise ValueError(f"limit: {self.limit:g}; expected a number of documents")


@dataclass(frozen=True)
class Stage:
    """One step from a parent to a checkpoint; `settings` is the dataclass of its kind (see `settings.SETTINGS`)."""

    name: str
    kind: str
    parent: str
    settings: Settings


@dataclass(frozen=True)
class Recipe:
    """`base` is a folder or a name on the hub, by default the embedded model.

    `threads` sets OMP_NUM_THREADS for every stage; None leaves it alone.
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


@dataclass(frozen=True)
class _Stage:
    """A stage as it is written: `settings` here, or in the file `config`, or both, `settings` winning."""

    name: str
    kind: str
    parent: str
    settings: dict[str, Any] = field(default_factory=dict)
    config: str | None = None


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

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype: {self.dtype!r}; expected one of {', '.join(DTYPES)}")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r}; use letters, digits, '.', '_' and '-'")
        for name, value in (("batch_size", self.batch_size), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ValueError(f"{name}: {value}; expected at least 1")


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file; ConfigError names file, place, and the nearest key that would be known."""
    written = build(_Recipe, read_yaml(path), str(path))
    folder = path.resolve().parent
    stages: list[Stage] = []
    for number, stage in enumerate(written.stages):
        where = f"{path}: stages[{number}]"
        _check_place(stage, [BASE, *(done.name for done in stages)], where)
        stages.append(Stage(stage.name, stage.kind, stage.parent, _settings(stage, written, where, folder)))
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
    )


def _check_place(stage: _Stage, before: list[str], where: str) -> None:
    """A stage has a new name, a known kind, and a parent that was made before it."""
    if not NAME.fullmatch(stage.name):
        raise ConfigError(f"{where}: name: {stage.name!r}; use letters, digits, '.', '_' and '-'")
    if stage.name in before:
        raise ConfigError(f"{where}: name: {stage.name!r} is taken; every rung needs a name of its own")
    if stage.kind not in SETTINGS:
        raise ConfigError(f"{where}: kind: {stage.kind!r}; expected one of {', '.join(SETTINGS)}")
    if stage.parent not in before:
        raise ConfigError(f"{where}: parent: {stage.parent!r}; expected one of {', '.join(before)}")


def _settings(stage: _Stage, recipe: _Recipe, where: str, folder: Path) -> Settings:
    """The stage's own settings; seed and dtype are the recipe's where it names none."""
    if stage.config is None:
        mapping, place = stage.settings, f"{where}: settings"
    else:
        config = folder / stage.config
        mapping, place, folder = {**read_yaml(config), **stage.settings}, f"{where}: {stage.config}", config.parent
    return parse_settings(stage.kind, {"seed": recipe.seed, "dtype": recipe.dtype, **mapping}, place, folder)


def _base(base: str | None, folder: Path) -> str:
    """An absolute path where the recipe's folder leads to one, else the words as written: a hub name, or missing."""
    place = training_dir() / "base" if base is None else folder / base
    return str(place.resolve()) if place.is_dir() or base is None else base


def _with_epfl_file(entry: Evaluation, folder: Path) -> Evaluation:
    file = (entry.metadata or {}).get("epfl_file")
    if not file:
        return entry
    return dataclasses.replace(entry, metadata={**(entry.metadata or {}), "epfl_file": str((folder / file).resolve())})
