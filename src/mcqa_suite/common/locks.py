"""Locks for one writer at a time; the operating system releases them when their process ends or is killed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.system_errors import explain_system

LOCK = ".lock"  # in a folder that a run uses or has used


def lock_of(path: Path) -> FileLock:
    """The lock beside a file or folder, or beside what a link names; a folder and its temporary `.NAME.partial` share one."""
    path = Path(os.path.realpath(path))
    return FileLock(path.with_name(f".{path.name.removeprefix('.').removesuffix('.partial')}.lock"))


def write_lock(folder: Path) -> AbstractContextManager[object]:
    """Wait until no other process writes the checkpoint or evaluation `folder`, then hold its lock."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_of(folder)
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        print(f"{folder}: waiting for another process that writes it", file=sys.stderr, flush=True)
        return lock.acquire()


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Create the run folder and hold its lock during the block.

    ConfigError if another run holds it, or for what the operating system refuses, such as a full disk, also inside the block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK).acquire(blocking=False)
    except Timeout as error:
        raise ConfigError(f"{folder}: another run uses this folder; wait for it or choose another --output") from error
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error
    with lock:
        try:
            yield
        except OSError as error:
            removed = error.errno == errno.ENOENT and Path(str(error.filename)).is_relative_to(folder)
            if removed:
                raise ConfigError(f"{error.filename}: was removed during the run; rerun to make it again") from error
            if (explained := explain_system(error)) is None:
                raise
            raise explained if error.filename else ConfigError(f"{folder}: {explained}") from error
