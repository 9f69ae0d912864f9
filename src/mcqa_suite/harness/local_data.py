"""Build tasks with public data sets from the local mirror, and with errors that name the task and its data set."""

from __future__ import annotations

import weakref
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from lm_eval.tasks._factory import TaskFactory
from lm_eval.tasks._index import Entry, Kind

from mcqa_suite.common.errors import CheckpointError, DatasetError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.harness.mirror import local_dataset, without_progress


class LocalFactory(TaskFactory):  # type: ignore[misc]  # lm_eval has no types
    """Builds every task, alone or in a group, with `dataset_path` in the mirror; its config keeps the public name."""

    def _build_task(self, entry: Entry, overrides: dict[str, Any] | None) -> Any:
        config = self._load_full_config(entry, overrides)
        public = config.get("dataset_path")
        try:
            if not isinstance(public, str) or (folder := local_dataset(public)) == public:
                return super()._build_task(entry, overrides)
            return self._build_locally(entry, overrides or {}, folder, config)
        except Exception as error:
            raise task_error(error, str(config.get("task") or entry.name), public) from error

    def _build_locally(self, entry: Entry, overrides: dict[str, Any], folder: str, config: dict[str, Any]) -> Any:
        """The task with the rows of a folder, in a cache of its own that is removed with it.

        The common cache identifies a folder by its README only, and could return the rows of another folder. Without a cache a
        task that shuffles whenever its documents are asked for (the built-in GPQA) would have another order each time.
        """
        public, kwargs, cache = config["dataset_path"], config.get("dataset_kwargs"), mkdtemp(prefix="mcqa-data-")
        local = {"dataset_path": folder, "dataset_kwargs": {**(kwargs or {}), "cache_dir": cache}}
        try:
            with without_progress():
                task = super()._build_task(entry, {**overrides, **local})
        except BaseException:
            rmtree(cache, ignore_errors=True)
            raise
        weakref.finalize(task, rmtree, cache, ignore_errors=True)
        task.config.dataset_path, task.config.dataset_kwargs = public, kwargs
        return task

    def _build_group_members(self, member_list: list[Any], group_name: str, overrides: Any, registry: Any) -> Any:
        """Register the tasks that a group defines inline, so that they are built by `_build_task` too."""
        members = []
        for item in member_list:
            inline = isinstance(item, dict) and "task" in item and "group" not in item
            if inline and item["task"] not in registry:
                name = f"{group_name}::{item['task']}"
                registry[name] = Entry(name, Kind.TASK, None, {})
                item = {**item, "task": name}
            members.append(item)
        return super()._build_group_members(members, group_name, overrides, registry)


def task_error(error: Exception, task: str, data: object) -> McqaError:
    """The error of a task that cannot be built, with the names of the task and of its public data set, if it has one."""
    about = f"{task}: {data}" if isinstance(data, str) else task
    reason = explain(error, str(data or task))
    if reason is None or isinstance(reason, CheckpointError):  # no checkpoint is loaded here
        text = " ".join(str(error).split()) or "no message"
        return DatasetError(f"{about}: {type(error).__name__}: {text} (mcqa --debug shows where)")
    if isinstance(reason, DatasetError) and str(data) not in str(reason):
        return type(reason)(f"{about}: {reason}")
    return type(reason)(f"{task}: {reason}")
