"""Rows of public data sets by their hub names: from the mirror where it holds them, else from the hub."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.offline import stay_offline_if_cut_off
from mcqa_suite.common.paths import hub_mirror

log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_BAD = 0.01  # a larger share of rows that cannot be read is another schema, not a slip of the pen


def load(repository: str, config: str | None, split: str) -> Any:
    """One split as a `datasets.Dataset`; DatasetError names the data set and what to do."""
    from datasets import load_dataset

    mirror = hub_mirror()
    try:
        if mirror is None or not (mirror / repository).is_dir():
            stay_offline_if_cut_off()
            return load_dataset(repository, config, split=split)
        # The library's cache knows a folder by its README alone, so that another folder's rows, or yesterday's, may come
        # out of it: the mirror is read anew.
        with TemporaryDirectory() as cache:
            return load_dataset(str(mirror / repository), config, split=split, cache_dir=cache, keep_in_memory=True)
    except Exception as error:  # the library raises whatever its readers raise
        reason = " ".join(str(error).split())
        raise DatasetError(
            f"{repository} (config {config or 'default'}, split {split}): {reason[:200].rstrip('.')}; choose another config "
            f"or split, connect to the hub, or put the data set at $MCQA_SHARED/hub/{repository}"
        ) from error


def parsed(repository: str, rows: Any, parse: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """`parse` of every row; rows that it refuses are left out and counted in a warning, DatasetError for more than 1 %."""
    made: list[T] = []
    refused: list[str] = []
    for number, row in enumerate(rows):
        try:
            made.append(parse(row))
        except KeyError as error:
            raise DatasetError(
                f"{repository}: no column {error} among {', '.join(rows.column_names)}; "
                "the data set must have its public repository's columns"
            ) from error
        except (ValueError, TypeError, AttributeError) as error:  # a None where text belongs has no .strip
            refused.append(f"row {number}: {error}")
    if len(refused) > MOST_BAD * len(rows):
        raise DatasetError(f"{repository}: {len(refused)} of {len(rows)} rows cannot be read, first {refused[0]}")
    if refused:
        log.warning("%s: %d of %d rows left out, first %s", repository, len(refused), len(rows), refused[0])
    return made
