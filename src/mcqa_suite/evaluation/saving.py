"""Whether the harness's results reached the disk: lm_eval logs a failed save and still exits 0; here it is an error."""

from __future__ import annotations

import errno
import glob
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.common.errors import ConfigError, McqaError
from mcqa_suite.common.files import read_bytes

FULL = 1 << 20  # free bytes below which a disk counts as full
TRACKER = "lm_eval.loggers.evaluation_tracker"


def check_saved(output: Path, lengths: dict[str, int], calls: int = 1) -> None:
    """McqaError unless `output` holds every task's samples (`lengths`: how many), complete to the last line, and the results of
    each of the harness's `calls`."""
    results = list(output.glob("results_*.json"))
    complete = len(results) == calls and all(read_bytes(file).endswith(b"}") for file in results)
    for task, n in lengths.items():
        logs = list(output.glob(f"samples_{glob.escape(task)}_[0-9]*.jsonl"))
        complete = complete and len(logs) == 1 and read_bytes(logs[0]).count(b"\n") == n
    if not complete:
        full = shutil.disk_usage(output).free < FULL
        cause = os.strerror(errno.ENOSPC) if full else "check permissions"
        raise McqaError(f"{output}: the harness could not write its results there: {cause}")


def check_writable(output: str | None) -> None:
    """ConfigError where an output path lies in no folder, on a read-only disk, or where the user may not write."""
    if output is None:
        return
    path = Path(output).absolute()
    path = path.parent if path.suffix == ".json" else path  # the harness adds the date to the name of a file
    folder = next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
    if not folder.is_dir():
        raise ConfigError(f"{output}: cannot be written: {folder} is not a folder; choose another --output_path")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"{output}: cannot be written: {folder} is read-only; choose another --output_path")


@contextmanager
def unsaved_is_an_error(output: str | None) -> Iterator[None]:
    """McqaError at the end of the block if the harness logged inside it that it could not save something."""
    failures: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Could not save"):
                failures.append(record.getMessage())

    logger, listener = logging.getLogger(TRACKER), Listener(logging.WARNING)
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
    if failures:
        raise McqaError(
            f"{output}: {failures[0]}: check space and permissions; answers are kept (MCQA_CACHE), so a rerun is quick"
        )
