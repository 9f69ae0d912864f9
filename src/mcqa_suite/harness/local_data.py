"""Build tasks with public data sets from the local mirror, and with errors that name the task and its data set."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from lm_eval.tasks._factory import TaskFactory
from lm_eval.tasks._index import Entry, Kind

from mcqa_suite.common.errors import CheckpointError, ConfigError, DatasetError, McqaError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.harness import public_data
from mcqa_suite.harness.mirror import local_dataset, without_progress


class LocalFactory(TaskFactory):  # type: ignore[misc]  # lm_eval has no types
    """Builds every task, alone or in a group, with `dataset_path` in the mirror; its config keeps the public name."""

    def _build_task(self, entry: Entry, overrides: dict[str, Any] | None) -> Any:
        config = self._load_full_config(entry, overrides)
        public = config.get("dataset_path")
        try:
            if config.get("custom_dataset"):
                check_bundle(config)
                with without_hint():
                    return super()._build_task(entry, overrides)
            if not isinstance(public, str) or (folder := local_dataset(public)) == public:
                stay_offline_if_cut_off()  # not before: other tasks need no hub, and wait for none
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


def check_bundle(config: dict[str, Any]) -> None:
    """ConfigError where a YAML that includes one of ours names another data set, which the bundled rows would hide."""
    named = f"{config.get('dataset_path')}/{config.get('dataset_name')}"
    bundle = (config.get("dataset_kwargs") or {}).get("bundle")
    if config["custom_dataset"] is public_data.load and bundle and bundle != named:
        raise ConfigError(
            f"dataset_path and dataset_name are {named}, but dataset_kwargs: bundle is {bundle}; "
            "change bundle too, or set custom_dataset: null for rows that are not bundled"
        )


@contextmanager
def without_hint() -> Iterator[None]:
    """Hide the line with which the harness explains `--metadata`, at every task with a `custom_dataset`."""
    logger = logging.getLogger("lm_eval.api.task")

    def other(record: logging.LogRecord) -> bool:
        return "Custom kwargs can be passed" not in record.getMessage()

    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


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
