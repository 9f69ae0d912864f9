"""Tasks whose public data sets are read from the local mirror, `$MCQA_SHARED/hub/<owner>/<name>`, where it has them."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks import TaskManager
from lm_eval.tasks._factory import TaskFactory
from lm_eval.tasks._index import Entry

from mcqa_suite.common.paths import hub_mirror


def local_dataset(name: str) -> str:
    """The absolute path of a public data set in the mirror; its name where the mirror does not have it."""
    mirror = hub_mirror()
    return str(mirror / name) if mirror and (mirror / name).is_dir() else name


def with_local_data(tasks: TaskManager) -> TaskManager:
    """The manager, reading public data sets from the mirror; the task's config keeps the public name."""
    tasks._factory = _LocalFactory(meta=tasks.metadata)
    return tasks


class _LocalFactory(TaskFactory):  # type: ignore[misc]
    def _build_task(self, entry: Entry, overrides: dict[str, Any] | None) -> Any:
        name = self._load_full_config(entry, overrides).get("dataset_path")
        if not isinstance(name, str):
            return super()._build_task(entry, overrides)
        task = super()._build_task(entry, {**(overrides or {}), "dataset_path": local_dataset(name)})
        task.config.dataset_path = name
        return task
