"""Load public data sets by their hub names, from the local mirror if they are in it, else from the hub."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from mcqa_suite.common.errors import DatasetError, MissingDataError
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.harness.mirror import local_dataset, without_progress

log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_BAD = 0.01  # if a larger share of the rows cannot be read, the data set has another schema


def load(repository: str, config: str | None, split: str) -> Any:
    """One split as a `datasets.Dataset`; DatasetError names the data set and what to do.

    MissingDataError: a copy in the local mirror lacks the config or the split; or there is none, and the hub does not give it.
    """
    from datasets import load_dataset

    folder = local_dataset(repository)
    mirrored = folder != repository
    try:
        if not mirrored:
            stay_offline_if_cut_off()
            return load_dataset(repository, config, split=split)
        with without_progress(), TemporaryDirectory() as cache:
            return load_dataset(folder, config, split=split, cache_dir=cache, keep_in_memory=True)
    except Exception as error:  # the library raises whatever its readers raise
        reason = " ".join(str(error).split())[:200].rstrip(".")
        incomplete = isinstance(error, ValueError) and str(error).startswith(("BuilderConfig", "Unknown split"))
        missing = incomplete if mirrored else isinstance(error, OSError)
        kind = MissingDataError if missing else DatasetError
        raise kind(
            f"{repository} (config {config or 'default'}, split {split}): {reason}; choose another config "
            f"or split, connect to the hub, or put the data set at $MCQA_SHARED/hub/{repository}"
        ) from error


def parsed(repository: str, rows: Any, parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Apply `parse` to every row; bad rows are left out with a warning, and more than 1 % of them is a DatasetError."""
    items: list[T] = []
    bad: list[str] = []
    for number, row in enumerate(rows):
        try:
            items.append(parse(row))
        except KeyError as error:
            columns = ", ".join(rows.column_names)
            raise DatasetError(
                f"{repository}: no column {error} among {columns}; the data set must have its public repository's columns"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:  # a None where text belongs has no .strip
            bad.append(f"row {number}: {error}")
    if len(bad) > MOST_BAD * len(rows):
        raise DatasetError(f"{repository}: {len(bad)} of {len(rows)} rows cannot be read, first {bad[0]}")
    if bad:
        log.warning("%s: %d of %d rows left out, first %s", repository, len(bad), len(rows), bad[0])
    return items
