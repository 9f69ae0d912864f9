"""Files: regular ones alone are read; written completely or not at all; the hash of a file."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.common.masking import mask_of_secrets
from mcqa_suite.common.system_errors import LIMITS, remedy_of

MANIFEST = "manifest.json"  # of a folder that a stage or an evaluation of a ladder wrote, see common.manifest


def inside(folder: Path, name: str) -> Path:
    """The path in `folder` that a name from a file stands for: its last part, so that no name leads elsewhere."""
    part = Path(name.replace("\0", "")).name
    return folder / (part if part not in ("", "..") else "_")


def opened(path: Path) -> BufferedReader:
    """A regular file, or a link to one, open for reading; OSError for all else, without waiting for it.

    A FIFO would wait for a writer, and a device such as /dev/zero never ends.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, "Not the name of a file", str(path)) from error
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return path.open("rb")


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; OSError for all else."""
    with opened(path) as stream:
        return stream.read()


def read_text(path: Path) -> str:
    """The text of a regular file in UTF-8; OSError for all else, UnicodeDecodeError for other bytes."""
    return read_bytes(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with opened(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_file(path: Path, text: str, flag: str = "--output") -> None:
    """Replace a file with `text`; where it cannot be written, ConfigError names `flag`, and the old file stays unchanged."""
    write_lines(path, [text], flag)


def write_bytes(path: Path, data: bytes, flag: str = "--output") -> None:
    """`write_file` for bytes."""
    with _replaced(path, flag) as stream:
        stream.write(data)


def write_lines(path: Path, lines: Iterable[str], flag: str = "--output") -> None:
    """Replace a file with `lines`, which end in newlines: as `write_file`, without all of them in memory.

    Half a surrogate pair, which UTF-8 cannot hold, is written as its escape, and secrets of the environment as "...".
    """
    with _replaced(path, flag) as stream:
        stream.writelines(line.encode("utf-8", "backslashreplace") for line in map(mask_of_secrets(), lines))


@contextmanager
def _replaced(path: Path, flag: str) -> Iterator[BinaryIO]:
    """A stream for the new content of a file, which replaces the old one when the block ends.

    A link stays, and the file that it names is replaced. A folder, pipe or device is refused.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        check_regular(target)
        with partial.open("wb") as stream:
            yield stream
        partial.replace(target)
    except OSError as error:
        remedy = remedy_of(error.errno) if error.errno in LIMITS else f"choose another {flag}"
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); {remedy}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def check_regular(path: Path) -> None:
    """OSError for what is neither a regular file nor a link to one, if it exists: a folder, a pipe or a link to itself."""
    path = Path(os.path.realpath(path))
    if path.is_symlink():  # it leads to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EEXIST, "Not a regular file", str(path))


def remove_file(path: Path) -> None:
    """Delete a regular file, or the one that a link names, if it exists."""
    target = Path(os.path.realpath(path))
    if target.is_file():
        target.unlink()


def write_files(folder: Path, files: Iterable[tuple[str, str | bytes | Path]], flag: str = "--output") -> None:
    """Write all (name, content) to a folder, or none; ConfigError names `flag` and the folder that cannot be written.

    A name may have folders in it, as in "data/run.json"; a path as content is a file to copy. All files are written to a
    temporary folder before the first is renamed. Other files of the folder stay, and so do links.
    """
    folder = Path(os.path.realpath(folder))
    new = not folder.exists()
    partial = (folder.parent if new else folder) / f".{folder.name}.{os.getpid()}.partial"
    mask = mask_of_secrets()
    try:
        partial.mkdir(parents=True)
        for name, content in files:
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, path)
            else:
                data = mask(content).encode("utf-8", "backslashreplace") if isinstance(content, str) else content
                path.write_bytes(data)
        if new:
            partial.rename(folder)
        else:
            paths = [path for path in partial.rglob("*") if path.is_file()]
            targets = {path: Path(os.path.realpath(folder / path.relative_to(partial))) for path in paths}
            for target in targets.values():
                check_regular(target)
                target.parent.mkdir(parents=True, exist_ok=True)
            for path, target in targets.items():
                path.replace(target)
    except OSError as error:
        raise ConfigError(f"{flag} {folder}: cannot be written ({error.strerror}); choose another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
