"""What the harness wrote, or failed to write: it logs such a failure and goes on, and its command ends well."""

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

LITTLE = 1 << 20  # free bytes of a disk that is full
TRACKER = "lm_eval.loggers.evaluation_tracker"


def check_saved(output: Path, lengths: dict[str, int]) -> None:
    """McqaError unless the harness's results and every task's samples (`lengths`: how many) are there, to the last line."""
    results = list(output.glob("results_*.json"))
    whole = len(results) == 1 and results[0].read_bytes().endswith(b"}")
    for task, n in lengths.items():
        found = list(output.glob(f"samples_{glob.escape(task)}_[0-9]*.jsonl"))
        whole = whole and len(found) == 1 and found[0].read_bytes().count(b"\n") == n
    if not whole:
        free = shutil.disk_usage(output).free
        cause = os.strerror(errno.ENOSPC) if free < LITTLE else "check permissions"
        raise McqaError(f"{output}: the harness could not write its results there: {cause}")


def check_writable(output: str | None) -> None:
    """ConfigError where an output path lies on a disk that may only be read, or in a folder that is another user's."""
    if output is None:
        return
    path = Path(output).absolute()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(there, os.W_OK):
        raise ConfigError(f"{output}: cannot be written: {there} may only be read; choose another --output_path")


@contextmanager
def unsaved_is_an_error(output: str | None) -> Iterator[None]:
    """McqaError at the end of the block if the harness logged in it that it could not save something."""
    said: list[str] = []

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Could not save"):
                said.append(record.getMessage())

    logger, heard = logging.getLogger(TRACKER), Heard(logging.WARNING)
    logger.addHandler(heard)
    try:
        yield
    finally:
        logger.removeHandler(heard)
    if said:
        raise McqaError(
            f"{output}: {said[0]}: check space and permissions; answers are kept (MCQA_CACHE), so the same command is quick"
        )
