"""Public data sets of tasks: the rows that come with this package, or with `data: hub` the rows of the hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from datasets import Dataset

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.library_errors import explain
from mcqa_suite.harness.mirror import load_hub
from mcqa_suite.questions import bundle as bundled
from mcqa_suite.questions.bundle import Origin


class BundledSplits(Mapping[str, Dataset]):
    """The bundled splits of a config by name, each read when it is asked for: a task seldom needs a train split."""

    def __init__(self, repository: str, config: str) -> None:
        self.repository, self.config = repository, config

    def __getitem__(self, split: str) -> Dataset:
        return _dataset(self.repository, self.config, split)

    def __iter__(self) -> Iterator[str]:
        return iter(bundled.splits(self.repository, self.config))

    def __len__(self) -> int:
        return len(bundled.splits(self.repository, self.config))


@cache
def _dataset(repository: str, config: str, split: str) -> Dataset:
    """One object for all tasks of a process, so that `process_docs` parses its rows once."""
    if (rows := bundled.rows(repository, config, split)) is None:
        raise KeyError(split)
    return Dataset.from_list(rows)


def load(bundle: str = "", data: str = "bundled", **others: Any) -> Mapping[str, Dataset]:
    """The splits of `<owner>/<name>/<config>`: a `custom_dataset`, which the harness gives `dataset_kwargs` and `metadata`.

    `--metadata '{"data": "hub"}'` reads the hub's rows, or those of its local mirror.
    """
    if data not in get_args(Origin):
        raise ConfigError(f"metadata: data is {data!r}; expected one of {', '.join(get_args(Origin))}")
    repository, _, config = bundle.rpartition("/")
    if not bundled.splits(repository, config):
        raise ConfigError(
            f"dataset_kwargs: bundle is {bundle!r}, which is not bundled; give <owner>/<name>/<config> of a bundled data set, "
            "or custom_dataset: null for the data set of dataset_path"
        )
    if data == "bundled":
        return BundledSplits(repository, config)
    try:
        return dict(load_hub(repository, config))
    except Exception as error:  # the library raises whatever its readers raise
        reason = explain(error, repository) or f"{repository}: {' '.join(str(error).split())}"
        raise DatasetError(f"{reason}; or leave out data: hub, since its rows are bundled") from error
