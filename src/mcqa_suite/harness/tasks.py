"""Finding and loading the suite's tasks by name."""

from __future__ import annotations

import difflib
import os
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.errors import ConfigError
from mcqa_suite.harness.failures import explain
from mcqa_suite.paths import hub_mirror, tasks_dir

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


def stay_offline_if_cut_off() -> None:
    """Sets HF_HUB_OFFLINE where the hub does not answer in three seconds, so that nothing retries for half a minute.

    To be called before anything imports huggingface_hub.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=3)  # noqa: S310
    except (OSError, ValueError):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


@contextmanager
def near_data() -> Iterator[None]:
    """Work inside the data mirror, if there is one, so that `cais/mmlu` is found there by its public name."""
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
    index = manager().task_index
    lines = []
    for name, entry in sorted(index.items(), key=lambda item: (item[1].kind.name != "GROUP", item[0])):
        config = entry.cfg or {}
        members = config.get("task")
        about = f"{len(members)} members" if isinstance(members, list) else config.get("dataset_path") or "local"
        lines.append(f"{name:58} {about}")
    return lines
