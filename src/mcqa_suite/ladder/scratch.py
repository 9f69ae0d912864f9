"""A folder for all temporary files of a run."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcqa_suite.common.errors import ConfigError

TMPDIR = "TMPDIR"


@contextmanager
def scratch_folder(run: Path) -> Iterator[Path]:
    """Have this process and its children put temporary files into a folder whose name is a hash of the run folder's.

    The process that holds the run's lock deletes it at the end, with what a killed run left in it. It is deleted here if empty.
    """
    name = hashlib.sha256(os.fsencode(run)).hexdigest()[:10]
    folder, before = Path(tempfile.gettempdir()) / f"mcqa-{name}", os.environ.get(TMPDIR)
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
        raise ConfigError(f"{folder}: belongs to another user; set TMPDIR to a folder of your own")
    os.environ[TMPDIR] = tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = None
        if before is None:
            del os.environ[TMPDIR]
        else:
            os.environ[TMPDIR] = before
        with suppress(OSError):
            folder.rmdir()
