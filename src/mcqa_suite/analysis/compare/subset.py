"""Restrict a comparison to a list of documents, such as those that do not occur in the training data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.common.files import read_text
from mcqa_suite.common.json_text import loads
from mcqa_suite.logs.runs import Group, Run, TaskRun
from mcqa_suite.logs.sample_values import hash_prefix
from mcqa_suite.logs.samples import Hashes, Samples

FORM = "mcqa-subset 1"


@dataclass(frozen=True)
class Subset:
    """By task, `documents` holds how many it has, and `clean` those to compare (`doc_id` -> document hash).

    Documents are matched by hash alone, so that one list fits every format of a benchmark.
    """

    name: str
    documents: Mapping[str, int]
    clean: Mapping[str, Mapping[int, str]]

    @property
    def note(self) -> str:
        """A note for the title of a table."""
        clean, total = sum(map(len, self.clean.values())), sum(self.documents.values())
        return f"only the {clean:,} of {total:,} documents that {self.name} keeps"


def as_json_text(subset: Subset) -> str:
    """Write the format that `read_subset` reads; its `doc_ids` also fit `lm_eval --samples`."""
    tasks = {
        task: {"documents": n, "doc_ids": list(subset.clean[task]), "doc_hashes": list(subset.clean[task].values())}
        for task, n in subset.documents.items()
    }
    return json.dumps({"form": FORM, "tasks": tasks}, indent=1) + "\n"


def read_subset(path: Path) -> Subset:
    """Read a subset. Raises ComparisonError if the file is unreadable or has another format."""
    try:
        content = loads(read_text(path))
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        if content["form"] != FORM:
            raise ValueError(f"form is {content['form']!r}")
        documents = {task: int(entry["documents"]) for task, entry in content["tasks"].items()}
        clean = {
            task: dict(zip(map(int, entry["doc_ids"]), map(str, entry["doc_hashes"]), strict=True))
            for task, entry in content["tasks"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else getattr(error, "strerror", None) or str(error)
        raise ComparisonError(f"--subset {path}: {reason}; give the clean.json of `mcqa audit -o DIR`") from error
    return Subset(path.name, documents, clean)


def restricted(run: Run, subset: Subset) -> Run:
    """The run with the subset's documents only. Raises ComparisonError if no document is left."""
    hashes = np.array([hash_prefix(digest) for clean in subset.clean.values() for digest in clean.values()], np.uint64)
    tasks = {key: task for key, whole in run.tasks.items() if (task := _restricted_task(whole, hashes)).n}
    if not tasks:
        raise ComparisonError(f"{run.path}: none of its documents is in {subset.name}; audit against these tasks")
    names = {task for task, _ in tasks}
    groups = {name: _restricted_group(group, names) for name, group in run.groups.items()}
    return replace(run, tasks=tasks, groups=groups)


def _restricted_group(group: Group, names: Set[str]) -> Group:
    return replace(group, tasks=tuple(task for task in group.tasks if task in names))


def _restricted_task(run: TaskRun, hashes: Hashes) -> TaskRun:
    rows = np.flatnonzero(np.isin(run.samples.hashes[:, 0], hashes))
    failed = {doc_id: digest for doc_id, digest in run.samples.failed.items() if digest in hashes}
    columns = {name: _rows(value, rows) for name, value in vars(run.samples).items() if name != "failed"}
    return replace(run, samples=Samples(**columns, failed=failed))


def _rows(value: Any, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    """Select rows of a column, or of every column in a mapping."""
    if isinstance(value, np.ndarray):
        return value[rows]
    return {key: _rows(column, rows) for key, column in value.items()} if isinstance(value, dict) else value
