"""Files that are whole or not there, whatever stops the writing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from mcqa_suite.common.errors import ConfigError


def write_whole(path: Path, text: str) -> None:
    """The file, whole or not at all; what stood there before stays until then. Raises ConfigError where it cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder")
        with partial.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True) if os.access(path.parent, os.W_OK) else None
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); choose another --output") from error


def write_all(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """All the (name, content) in a folder, or none of them; other files in it stay. Raises ConfigError where they cannot be.

    They are written apart first: once all of them are on the disk, moving them takes no more room.
    """
    new = not folder.exists()
    partial = (folder.parent if new else folder) / f".{folder.name}.{os.getpid()}.partial"
    try:
        partial.mkdir(parents=True)
        names = []
        for name, content in files:
            (partial / name).write_bytes(content)
            names.append(name)
        if new:
            partial.rename(folder)
        for name in names if not new else ():
            (partial / name).replace(folder / name)
    except OSError as error:
        raise ConfigError(f"--figures {folder}: cannot be written ({error.strerror}); choose another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
