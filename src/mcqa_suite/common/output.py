"""What is printed: without secrets, and without control characters and workflow commands of files and servers."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, TextIO, cast

from mcqa_suite.common.foreign_text import printable, without_commands
from mcqa_suite.common.masking import masked

CURSOR = re.compile(r"(\n|\r|\x1b\[A)*")  # how progress bars move between lines, in a write of its own


class SafeOutput:
    """A stream that shows no control characters but line ends, tabs, and a carriage return that starts a progress bar."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal lacks

    def write(self, text: str) -> int:
        if not CURSOR.fullmatch(text):
            start = "\r" if text.startswith("\r") else ""
            text = start + shown(text.removeprefix("\r"))
        return self.stream.write(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def shown(text: str) -> str:
    """A text without secrets and control characters; in a workflow of GitHub also without what its runner would obey."""
    text = printable(masked(text))
    return without_commands(text) if os.environ.get("GITHUB_ACTIONS") == "true" else text


@contextmanager
def safe_output() -> Iterator[None]:
    """Inside the block stdout and stderr show no secrets and no control characters."""
    out, err = (cast("TextIO", SafeOutput(beneath(stream))) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        yield


def beneath(stream: TextIO) -> TextIO:
    """The terminal itself, for text that is safe and has colours."""
    return stream.stream if isinstance(stream, SafeOutput) else stream


def print_error(error: object) -> None:
    """One line on stderr, without secrets and control characters."""
    with suppress(BrokenPipeError):
        print(shown(f"mcqa: {error}"), file=sys.stderr)
