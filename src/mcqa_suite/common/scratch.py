"""Folders for temporary files that are deleted at the end, or by the next run or command where their process was killed."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mcqa_suite.common.errors import ConfigError

TMPDIR = "TMPDIR"
LOCK_NAME = re.compile(
    r"mcqa-[0-9a-f]{8}\.lock"
)  # beside the folder of a command, which has the name without its ending


@contextmanager
def scratch_of_run(run: Path) -> Iterator[Path]:
    """Have this process and its children put temporary files into a folder whose name is a hash of the run folder's.

    The process that holds the run's lock deletes it at the end, with what a killed run left in it. It is deleted here if empty.
    """
    name = hashlib.sha256(os.fsencode(run)).hexdigest()[:10]
    folder = Path(tempfile.gettempdir()) / f"mcqa-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
        raise ConfigError(f"{folder}: belongs to another user; set TMPDIR to a folder of your own")
    try:
        with _used(folder):
            yield folder
    finally:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def scratch_of_command() -> Iterator[None]:
    """Have this process and its children put temporary files into a folder of its own, and delete those of killed commands.

    A command holds a lock beside its folder, which the operating system releases when it dies. Where no folder can be made,
    temporary files stay where they are put.
    """
    with ExitStack() as stack:
        with suppress(OSError, Timeout):
            folder = Path(tempfile.gettempdir()) / f"mcqa-{secrets.token_hex(4)}"
            remove_leftovers(folder.parent)
            lock = folder.with_suffix(".lock")
            stack.enter_context(FileLock(lock).acquire(blocking=False))
            stack.callback(lock.unlink, missing_ok=True)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            stack.enter_context(_used(folder))
        yield


def remove_leftovers(temporary: Path) -> None:
    """Delete the folders of this user's commands that were killed."""
    for path in temporary.glob("mcqa-*.lock"):
        with suppress(OSError, Timeout):
            ours = not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()
            if ours and path.is_file() and not path.is_symlink() and LOCK_NAME.fullmatch(path.name):
                with FileLock(path).acquire(blocking=False):
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                    path.unlink()


@contextmanager
def _used(folder: Path) -> Iterator[None]:
    """Inside the block temporary files go to `folder`."""
    before = os.environ.get(TMPDIR)
    os.environ[TMPDIR] = tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = None
        if before is None:
            del os.environ[TMPDIR]
        else:
            os.environ[TMPDIR] = before
