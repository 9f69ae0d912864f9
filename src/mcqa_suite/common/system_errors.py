"""Errors of the operating system in one line: no memory, a full disk, a limit of the shell, something else of the same name."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

from mcqa_suite.common.errors import ConfigError, McqaError

try:
    import resource  # here, because it cannot be loaded once memory has run out
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

RESUME = "then rerun to resume"
NO_MEMORY = re.compile(r"failed to map segment|[Cc](?:annot|an't) allocate memory|std::bad_alloc|MemoryError\b")
SYMLINK_LOOP = re.compile(r"Symlink loop from '(.*)'")  # pathlib before Python 3.13
LIMITS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE}  # which no other file name would help
IN_THE_WAY = f"something else has this name; move it away, {RESUME}"


def explain_system(error: BaseException) -> McqaError | None:
    """The ConfigError for what the operating system refused; None for any other error."""
    if isinstance(error, MemoryError) or (
        isinstance(error, ImportError | RuntimeError) and NO_MEMORY.search(str(error))
    ):
        return ConfigError(f"out of memory: {memory_limit()}; raise it or choose a smaller model, {RESUME}")
    if isinstance(error, RuntimeError) and (loop := SYMLINK_LOOP.match(str(error))):
        return ConfigError(f"{loop[1]}: {REMEDIES[errno.ELOOP]}")
    if isinstance(error, UnicodeEncodeError) and (name := re.search(r"\S*[\ud800-\udfff]\S*", error.object)):
        return ConfigError(f"{name[0]!r}: a name with a byte that is not UTF-8; rename it")
    if not isinstance(error, OSError) or error.errno not in REMEDIES:
        return None
    path = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return ConfigError(f"{path}{error.strerror}; {remedy_of(error.errno)}")


def explain_output(line: str) -> str | None:
    """What the operating system refused another process, by its last line that names an error; None for any other line."""
    if NO_MEMORY.search(line):
        return f"out of memory: {memory_limit()} ({line})"
    for number in (errno.EFBIG, errno.EMFILE):
        if os.strerror(number) in line or f"os error {number})" in line:
            return f"{line}: {remedy_of(number)}"
    return None


def remedy_of(number: int | None) -> str:
    """What to do about an error number of `REMEDIES`."""
    remedy = REMEDIES[number or 0]
    return remedy if isinstance(remedy, str) else remedy()


def killed_by(number: int) -> str:
    """The words for a process that a signal ended."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"killed by signal {number}"
    reason = ": by hand, or because memory ran out" if name == "SIGKILL" else ""
    return f"killed by signal {number} ({name}{reason})"


def check_utf8(*names: object) -> None:
    """ConfigError for a name with a byte that is not UTF-8, which the libraries of models cannot open."""
    for name in names:
        try:
            str(name).encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"{str(name)!r}: a name with a byte that is not UTF-8; rename it") from error


def memory_limit() -> str:
    """What limits the memory of a process: the shell, the container or the machine."""
    if (limit := _limit("RLIMIT_AS")) is not None:
        return f"this shell allows a process {limit / 1e9:.2f} GB (ulimit -v)"
    try:
        return (
            f"this container allows {int(Path('/sys/fs/cgroup/memory.max').read_text(encoding='ascii')) / 1e9:.2f} GB"
        )
    except (OSError, ValueError):
        return f"this machine has {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"


def _limit(name: str) -> int | None:
    """A limit of this process; None where there is none."""
    if resource is None:
        return None
    soft = resource.getrlimit(getattr(resource, name))[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _files() -> str:
    return f"this shell allows {_limit('RLIMIT_NOFILE')} at a time: raise it (ulimit -n 1024), {RESUME}"


def _size() -> str:
    limit = _limit("RLIMIT_FSIZE")
    allowed = (
        "its disk allows no larger one" if limit is None else f"this shell allows {limit / 1e6:.2f} MB (ulimit -f)"
    )
    return f"{allowed}: raise the limit, {RESUME}"


REMEDIES: dict[int, str | Callable[[], str]] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), f"make room, {RESUME}"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO), f"fix this, {RESUME}"),
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENXIO), IN_THE_WAY),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), _files),
    errno.EFBIG: _size,
    errno.ENOMEM: memory_limit,
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a link that leads to itself; remove it",
}
