"""Standard output and error of a command: a reader that goes away, a full disk or a closed stream does not end its work."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import Any

NO_READER = {errno.EPIPE, errno.EIO}  # `mcqa ... | head`, and a terminal that is gone


class Output(io.RawIOBase):
    """Writes to a file descriptor; what comes after a failure is dropped."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.descriptor

    def isatty(self) -> bool:
        return os.isatty(self.descriptor)

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                return os.write(self.descriptor, data)
            except OSError as error:
                self.error = error
        return len(data)


def with_lasting_output(command: Callable[[], int]) -> int:
    """Run a command; its exit code, or 2 after a line on stderr where its output could not be written."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file would get this number, and be written into
            os.open(os.devnull, os.O_RDWR)
    output = Output(1)
    sys.stdout, sys.stderr = _stream(output, sys.stdout), _stream(Output(2), sys.stderr)
    try:
        code = command()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    if output.error and output.error.errno not in NO_READER:
        print(
            f"mcqa: standard output: {output.error.strerror}; what is printed is incomplete",
            file=sys.stderr,
            flush=True,
        )
        return code or 2
    return code


def _stream(output: Output, before: Any) -> io.TextIOWrapper:
    """A text stream like the one before, which is None where it was closed."""
    by_lines = output.isatty() or output.descriptor == 2 or bool(getattr(before, "write_through", False))
    encoding = before.encoding if before else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(output), encoding=encoding, errors="backslashreplace", line_buffering=by_lines
    )
