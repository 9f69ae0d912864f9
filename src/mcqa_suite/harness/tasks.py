"""Finding and loading the suite's tasks by name."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import hub_mirror, tasks_dir

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager


def manager(metadata: dict[str, Any] | None = None) -> TaskManager:
    """Our tasks alone: the harness's own index of 14,000 YAMLs takes six seconds and is not needed.

    A relative `epfl_file` means the folder that this is called in, so call it before `near_data`.
    """
    from lm_eval.tasks import TaskManager

    known = dict(metadata or {})
    if isinstance(file := known.get("epfl_file"), str) and file:
        known["epfl_file"] = str(Path(file).absolute())
    return TaskManager(include_path=str(tasks_dir()), include_defaults=False, metadata=known)


def check_names(names: Sequence[str], known: Sequence[str]) -> None:
    """ConfigError for the first name that is no task, with the nearest one that is."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see `mcqa tasks`"
            raise ConfigError(f"unknown task {name!r}: {hint}")


def load(names: Sequence[str], tasks: TaskManager) -> list[Any]:
    """Task and group objects; McqaError names the task whose data cannot be had."""
    check_names(names, tasks.all_tasks)
    loaded: list[Any] = []
    for name in names:
        try:
            found = tasks.load(name)
        except Exception as error:
            known = explain(error, data_name(name, tasks))
            if known is None:
                raise
            raise type(known)(f"{name}: {known}") from error
        loaded += list(found.get("groups", {}).values())[:1] or list(found["tasks"].values())
    return loaded


def data_name(task: str, tasks: TaskManager) -> str:
    """The data set repository of a task, or of the first task of a group."""
    entry = tasks.task_index[task]
    config = entry.cfg or {}
    members = config.get("task")
    if isinstance(members, list):
        return data_name(members[0], tasks)
    return str(config.get("dataset_path") or task)


@contextmanager
def near_data() -> Iterator[None]:
    """Work inside the data mirror, if there is one, so that `cais/mmlu` is found there by its public name."""
    stay_offline_if_cut_off()
    mirror, before = hub_mirror(), Path.cwd()
    if file := os.environ.get("MCQA_EPFL_FILE"):
        os.environ["MCQA_EPFL_FILE"] = str(Path(file).absolute())
    try:
        os.chdir(mirror or before)
        yield
    finally:
        os.chdir(before)


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


@contextmanager
def our_index_alone(names: Sequence[str]) -> Iterator[None]:
    """Spares the harness's command line its index of 14,000 YAMLs, six seconds, where `names` are this suite's alone."""
    known = listed()
    if not names or not all(name in known or re.match(r"mcqa_\w*[*?]", name) for name in names):
        yield
        return
    import lm_eval.evaluator  # noqa: F401  (so that it does not meet the replacement)
    import lm_eval.tasks as harness

    whole = harness.TaskManager
    harness.TaskManager = partial(whole, include_defaults=False)
    try:
        yield
    finally:
        harness.TaskManager = whole


@cache
def _read(path: Path) -> dict[str, Any]:
    """A YAML with what it includes, merged shallowly as the harness does; functions stay the names that they are."""
    config: dict[str, Any] = yaml.load(path.read_bytes(), Loader=_Names)  # noqa: S506  (a safe loader)
    included = config.pop("include", [])
    merged: dict[str, Any] = {}
    for name in included if isinstance(included, list) else [included]:
        merged |= _read((path.parent / name).resolve())
    return merged | config


class _Names(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads `!function a.b` as the text a.b."""


_Names.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
