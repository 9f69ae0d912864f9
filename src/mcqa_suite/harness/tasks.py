"""List the suite's tasks, and load them by name."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.files import read_bytes
from mcqa_suite.common.paths import tasks_dir

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager

ALL = "everything"


def manager(metadata: Mapping[str, Any] | None = None) -> TaskManager:
    """Our tasks alone: the harness's own index of 14,000 YAMLs takes six seconds and is not needed."""
    return _manager(json.dumps(metadata or {}, sort_keys=True), str(tasks_dir()))


@cache
def _manager(metadata: str, folder: str) -> TaskManager:
    """The manager of a folder, with metadata written as JSON: to read all YAMLs takes most of a second."""
    from lm_eval.tasks import TaskManager

    settings = {"include_defaults": False, "metadata": json.loads(metadata)}
    return with_local_data(TaskManager(include_path=include_path(folder), **settings))


@cache
def include_path(folder: str) -> str | None:
    """The folder for the harness's include path; None where the harness has its tasks already, since it reads plug-ins."""
    from lm_eval.tasks import TaskManager

    files = [entry.yaml_path for entry in TaskManager(include_defaults=False).task_index.values()]
    return None if any(Path(folder) in path.parents for path in files if path) else folder


def with_local_data(tasks: TaskManager) -> TaskManager:
    """The manager, reading public data sets from the local mirror; errors of its tasks name the task and its data set."""
    from mcqa_suite.harness.local_data import LocalFactory

    tasks._factory = LocalFactory(meta=tasks.metadata)
    return tasks


def check_names(names: Sequence[str], tasks: Sequence[str]) -> None:
    """ConfigError for the first name that is not one of `tasks`, with the nearest that are."""
    for name in names:
        if name not in tasks:
            near = difflib.get_close_matches(name, tasks, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see `mcqa tasks`"
            raise ConfigError(f"unknown task {name!r}: {hint}")


def load(names: Sequence[str], tasks: TaskManager) -> list[Any]:
    """Task and group objects with their data; McqaError names the task whose data cannot be loaded."""
    check_names(names, tasks.all_tasks)
    loaded: list[Any] = []
    for name in names:
        built = tasks.load(name)
        loaded += list(built.get("groups", {}).values())[:1] or list(built["tasks"].values())
    return loaded


def load_leaves(names: Sequence[str], metadata: dict[str, Any] | None = None) -> list[Any]:
    """The tasks of `names` and of the groups among them, each task once, with their data; McqaError as in `load`.

    `metadata` is the harness's, such as {"epfl_file": "questions.jsonl"}.
    """
    return leaves_of(load(names, manager(metadata)) if names else [])


def leaves_of(loaded: Sequence[Any]) -> list[Any]:
    """The tasks among loaded tasks and groups, each once."""
    leaves = [leaf for item in loaded for leaf in (item.get_all_tasks() if hasattr(item, "get_all_tasks") else [item])]
    return list({leaf.task_name: leaf for leaf in leaves}.values())


def overview() -> list[str]:
    """A section a benchmark, which is a folder of tasks/: how many tasks it has, and those that no other one holds."""
    benchmarks: dict[str, dict[str, dict[str, Any]]] = {}
    for path, name, config in _configs():
        folder = path.relative_to(tasks_dir()).parts[0]
        benchmarks.setdefault(ALL if folder == path.name else folder, {})[name] = config
    lines: list[str] = []
    for benchmark, configs in sorted(benchmarks.items(), key=lambda item: (item[0] != ALL, item[0])):
        inner = {str(member) for config in configs.values() for member in _members(config) or ()}
        tops = {name: config for name, config in configs.items() if name not in inner}
        tasks = sum(_members(config) is None for config in configs.values())
        lines += [f"{benchmark}: {_counted(tasks, len(configs) - tasks)}", *_lines(tops), ""]
    return lines[:-1]


def matching(pattern: str) -> list[str]:
    """One line for each task and group whose name holds the text or matches the glob; ConfigError where none does."""
    tasks = listed()
    chosen = {name: config for name, config in tasks.items() if pattern in name or fnmatchcase(name, pattern)}
    if not chosen:
        check_names([pattern], list(tasks))
    groups = sum(_members(config) is not None for config in chosen.values())
    return [*_lines(chosen), "", _counted(len(chosen) - groups, groups)]


def _lines(configs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each name, and what it holds or where its data comes from; groups first."""
    lines = []
    for name, config in sorted(configs.items(), key=lambda item: (_members(item[1]) is None, item[0])):
        members = _members(config)
        about = public_source(config) or "local" if members is None else f"group of {len(members)}"
        lines.append(f"  {name:56} {about}")
    return lines


def _members(config: Mapping[str, Any]) -> list[Any] | None:
    """The members of a group; None for a task."""
    members = config.get("task")
    return members if isinstance(members, list) else None


def _counted(tasks: int, groups: int) -> str:
    counts = {"task": tasks, "group": groups}
    return ", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts.items() if count)


def public_source(config: Mapping[str, Any]) -> str:
    """The public data set of a task's questions, and whether its rows are the bundled ones; "" where there is none."""
    name, metadata = config.get("dataset_path") or "", config.get("metadata") or {}
    bundled = "bundle" in (config.get("dataset_kwargs") or {}) and metadata.get("data") != "hub"
    return f"{name} (bundled)" if bundled else str(name)


def listed() -> dict[str, dict[str, Any]]:
    """The configuration of every group and task by its name, read without the harness, whose import takes seconds."""
    return {name: config for _, name, config in _configs()}


def _configs() -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """The file, name and configuration of every group and task."""
    files: dict[Path, dict[str, Any]] = {}
    for path in sorted(tasks_dir().rglob("*.yaml")):
        config = _read(path.resolve(), files)
        if isinstance(name := config.get("group") or config.get("task"), str):
            yield path, name, config


def _read(path: Path, files: dict[Path, dict[str, Any]]) -> dict[str, Any]:
    """A YAML with what it includes, merged shallowly as the harness does; functions stay names. `files` gets what is read."""
    if path not in files:
        config: dict[str, Any] = yaml.load(read_bytes(path), Loader=_Names)  # noqa: S506  (a safe loader)
        included = config.pop("include", [])
        merged: dict[str, Any] = {}
        for name in included if isinstance(included, list) else [included]:
            merged |= _read((path.parent / name).resolve(), files)
        files[path] = merged | config
    return files[path]


class _Names(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that reads `!function a.b` as the text a.b."""


_Names.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
