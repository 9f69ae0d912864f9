"""Load public data sets by their hub names: bundled rows, else those of the local mirror, else those of the hub."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mcqa_suite.common.errors import DatasetError, MissingDataError
from mcqa_suite.harness.mirror import load_hub, local_dataset
from mcqa_suite.questions import bundle
from mcqa_suite.questions.bundle import Origin
from mcqa_suite.questions.question import Row

log = logging.getLogger(__name__)
T = TypeVar("T")
MOST_BAD = 0.01  # if a larger share of the rows cannot be read, the data set has another schema


def load(repository: str, config: str, split: str, origin: Origin | None = None) -> Sequence[Row]:
    """The rows of one split: bundled or the hub's; without `origin`, the bundled ones where there are some."""
    rows = None if origin == "hub" else bundle.rows(repository, config, split)
    if rows is None and origin == "bundled":
        splits = ", ".join(bundle.splits(repository, config)) or "none"
        raise DatasetError(
            f"{repository} ({config}): split {split} is not bundled ({splits}); choose another, or data: hub"
        )
    return from_hub(repository, config, split) if rows is None else rows


def from_hub(repository: str, config: str | None, split: str) -> Any:
    """One split as a `datasets.Dataset`; DatasetError names the data set and what to do.

    MissingDataError: a copy in the local mirror lacks the config or the split; or there is none, and the hub does not give it.
    """
    try:
        return load_hub(repository, config, split)
    except Exception as error:  # the library raises whatever its readers raise
        reason = " ".join(str(error).split())[:200].rstrip(".")
        incomplete = isinstance(error, ValueError) and str(error).startswith(("BuilderConfig", "Unknown split"))
        missing = incomplete if local_dataset(repository) != repository else isinstance(error, OSError)
        kind = MissingDataError if missing else DatasetError
        bundled = ", or leave out data: hub" if bundle.sha256(repository, str(config), split) else ""
        raise kind(
            f"{repository} (config {config or 'default'}, split {split}): {reason}; choose another config "
            f"or split, connect to the hub, or put the data set at $MCQA_SHARED/hub/{repository}{bundled}"
        ) from error


def parsed(repository: str, rows: Sequence[Row], parse: Callable[[Row], T]) -> list[T]:
    """Apply `parse` to every row; bad rows are left out with a warning, and more than 1 % of them is a DatasetError."""
    items: list[T] = []
    bad: list[str] = []
    for number, row in enumerate(rows):
        try:
            items.append(parse(row))
        except KeyError as error:
            columns = ", ".join(row)
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
