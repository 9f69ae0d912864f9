"""A list of documents that a comparison is to rest on, such as those that no training row gives away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcqa_suite.analysis.compare.groups import is_macro
from mcqa_suite.common.errors import ComparisonError
from mcqa_suite.logs.runs import Group, Run, TaskRun
from mcqa_suite.logs.sample_values import hash_prefix
from mcqa_suite.logs.samples import Column, Samples

FORM = "mcqa-subset 1"


@dataclass(frozen=True)
class Subset:
    """`documents`: how many each task has; `kept`: those that stay, by `doc_id` with the hash of the document. Documents are
    known by their hash alone, so that one list serves every format of a benchmark."""

    name: str
    documents: Mapping[str, int]
    kept: Mapping[str, Mapping[int, str]]

    @property
    def note(self) -> str:
        """What a table of these documents has to say in its head."""
        kept, known = sum(map(len, self.kept.values())), sum(self.documents.values())
        return f"only the {kept:,} of {known:,} documents that {self.name} keeps"


def as_json_text(subset: Subset) -> str:
    """The file that `read_subset` reads; `doc_ids` is what `lm_eval --samples` takes."""
    tasks = {
        task: {"documents": n, "doc_ids": list(subset.kept[task]), "doc_hashes": list(subset.kept[task].values())}
        for task, n in subset.documents.items()
    }
    return json.dumps({"form": FORM, "tasks": tasks}, indent=1) + "\n"


def read_subset(path: Path) -> Subset:
    """ComparisonError where the file is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["form"] != FORM:
            raise ValueError(f"form is {found['form']!r}")
        documents = {task: int(entry["documents"]) for task, entry in found["tasks"].items()}
        kept = {
            task: dict(zip(map(int, entry["doc_ids"]), map(str, entry["doc_hashes"]), strict=True))
            for task, entry in found["tasks"].items()
        }
    except OSError as error:
        raise ComparisonError(
            f"--subset {path}: {error.strerror}; give the clean.json of `mcqa audit -o DIR`"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ComparisonError(f"--subset {path}: {reason}; give the clean.json of `mcqa audit -o DIR`") from error
    return Subset(path.name, documents, kept)


def restricted(run: Run, subset: Subset) -> Run:
    """The run over the subset's documents alone; a task without any of them goes. ComparisonError where none is left."""
    known = np.array([hash_prefix(digest) for kept in subset.kept.values() for digest in kept.values()], np.uint64)
    tasks = {key: task for key, whole in run.tasks.items() if (task := _task(whole, known)).n}
    if not tasks:
        raise ComparisonError(f"{run.path}: none of its documents is in {subset.name}; audit against these tasks")
    groups = {name: _group(run, tasks, group) for name, group in run.groups.items()}
    return replace(run, tasks=tasks, groups=groups)


def _task(run: TaskRun, known: np.ndarray[Any, np.dtype[np.uint64]]) -> TaskRun:
    rows = np.flatnonzero(np.isin(run.samples.hashes[:, 0], known))
    failed = {doc_id: digest for doc_id, digest in run.samples.failed.items() if digest in known}
    return replace(run, samples=replace(_rows(run.samples, rows), failed=failed), expected=None)


def _rows(samples: Samples, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Samples:
    """Some rows of every column."""
    picked: dict[str, Any] = {}
    for name, value in vars(samples).items():
        if isinstance(value, np.ndarray):
            picked[name] = value[rows]
        elif isinstance(value, Column):
            picked[name] = replace(value, codes=value.codes[rows])
        elif name == "scores":
            picked[name] = {key: column[rows] for key, column in value.items()}
    return replace(samples, **picked)


def _group(run: Run, tasks: Mapping[tuple[str, str], TaskRun], group: Group) -> Group:
    """The group with its means taken again, in the way that the harness took them: over tasks, or over documents."""
    values = {}
    for key in group.values:
        metric, _, filter_name = key.partition(",")
        left = [tasks[task, filter_name].samples for task in group.tasks if (task, filter_name) in tasks]
        scores = [samples.scores[metric] for samples in left if metric in samples.scores]
        if scores:
            macro = is_macro(run, group, metric, filter_name)
            values[key] = float(np.mean([s.mean() for s in scores]) if macro else np.concatenate(scores).mean())
    return replace(group, tasks=tuple(t for t in group.tasks if any(t == task for task, _ in tasks)), values=values)
