"""Errors of writing results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.common.errors import ConfigError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failed write into one line that names the path."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; choose another output") from error
