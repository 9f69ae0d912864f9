"""List the suite's tasks, and load them by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import hub_mirror, tasks_dir

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager


def manager(metadata: dict[str, Any] | None = None) -> TaskManager:
    """Our tasks alone: the harness's own index of 14,000 YAMLs takes six seconds and is not needed."""
    from lm_eval.tasks import TaskManager

    return with_local_data(TaskManager(include_path=str(tasks_dir()), include_defaults=False, metadata=metadata or {}))


def with_local_data(tasks: TaskManager) -> TaskManager:
    """The manager, reading public data sets from the local mirror; the task's config keeps the public name."""
    build = tasks._factory._build_task

    def build_locally(entry: Any, overrides: dict[str, Any] | None) -> Any:
        config = tasks._factory._load_full_config(entry, overrides)
        name, kwargs = config.get("dataset_path"), config.get("dataset_kwargs")
        if not isinstance(name, str) or (folder := local_dataset(name)) == name:
            return build(entry, overrides)
        with uncached() as arguments:
            local = {"dataset_path": folder, "dataset_kwargs": {**(kwargs or {}), **arguments}}
            task = build(entry, {**(overrides or {}), **local})
        task.config.dataset_path, task.config.dataset_kwargs = name, kwargs
        return task

    tasks._factory._build_task = build_locally
    return tasks


@contextmanager
def uncached() -> Iterator[dict[str, Any]]:
    """Arguments of `datasets.load_dataset` for a folder, valid in the block, in which the library shows no progress.

    The library's cache identifies a folder by its README only, and could return the rows of another folder or version.
    """
    import datasets

    shows = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        with TemporaryDirectory() as cache:
            yield {"cache_dir": cache, "keep_in_memory": True}
    finally:
        if shows:
            datasets.enable_progress_bars()


def local_dataset(name: str) -> str:
    """The path of a public data set in the mirror, `$MCQA_SHARED/hub/<owner>/<name>`; its name where that does not exist."""
    mirror = hub_mirror()
    return str(mirror / name) if mirror and (mirror / name).is_dir() else name


def check_names(names: Sequence[str], tasks: Sequence[str]) -> None:
    """ConfigError for the first name that is not one of `tasks`, with the nearest that are."""
    for name in names:
        if name not in tasks:
            near = difflib.get_close_matches(name, tasks, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see `mcqa tasks`"
            raise ConfigError(f"unknown task {name!r}: {hint}")


def load(names: Sequence[str], tasks: TaskManager) -> list[Any]:
    """Task and group objects with their data; McqaError names the task whose data cannot be loaded."""
    stay_offline_if_cut_off()
    check_names(names, tasks.all_tasks)
    loaded: list[Any] = []
    for name in names:
        try:
            built = tasks.load(name)
        except Exception as error:
            reason = explain(error, data_name(name, tasks))
            if reason is None:
                raise
            raise type(reason)(f"{name}: {reason}") from error
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


def data_name(task: str, tasks: TaskManager) -> str:
    """The data set repository of a task, or of the first task of a group."""
    entry = tasks.task_index[task]
    config = entry.cfg or {}
    members = config.get("task")
    if isinstance(members, list):
        return data_name(members[0], tasks)
    return str(config.get("dataset_path") or task)


def describe() -> list[str]:
    """One line a group or task, groups first: its name, and what it holds or where its data comes from."""
    lines = []
    for name, config in sorted(listed().items(), key=lambda item: ("group" not in item[1], item[0])):
        members = config.get("task")
        about = f"{len(members)} members" if isinstance(members, list) else config.get("dataset_path") or "local"
        lines.append(f"{name:58} {about}")
    return lines


def listed() -> dict[str, dict[str, Any]]:
    """The configuration of every group and task by its name, read without the harness, whose import takes seconds."""
    configs = (_read(path.resolve()) for path in sorted(tasks_dir().rglob("*.yaml")))
    return {name: config for config in configs if isinstance(name := config.get("group") or config.get("task"), str)}


@cache
def _read(path: Path) -> dict[str, Any]:
    """A YAML with what it includes, merged shallowly as the harness does; functions stay names."""
    config: dict[str, Any] = yaml.load(path.read_bytes(), Loader=_Names)  # noqa: S506  (a safe loader)
    included = config.pop("include", [])
    merged: dict[str, Any] = {}
    for name in included if isinstance(included, list) else [included]:
        merged |= _read((path.parent / name).resolve())
    return merged | config


class _Names(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that reads `!function a.b` as the text a.b."""


_Names.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
