"""One writer at a time in a run's folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.common.errors import ConfigError

# What a user can mend: no room, no room for this user, and a disk that may only be read.
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Makes `folder` and holds its lock; yields the lock's file descriptor.

    A child process that is handed the descriptor holds the lock as long as it lives, so a stage that outlives its ladder keeps
    others out. ConfigError where the folder cannot be written, at once or in the middle of the work, or somebody else is at
    work in it.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}; choose another --output") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"{folder}: another run, or a stage of one, is at work there; wait for it or choose another --output"
            ) from error
        yield descriptor
    except OSError as error:
        if error.errno not in DISK:
            raise
        place = error.filename or folder
        raise ConfigError(
            f"{place}: {error.strerror}; mend that, and the same command goes on where it stopped"
        ) from error
    finally:
        os.close(descriptor)
