"""What the harness and its libraries say on the way: each warning once, and none that a user can do nothing about."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcqa_suite.common.library_errors import without_deprecations
from mcqa_suite.evaluation import upstream


@contextmanager
def said_once() -> Iterator[None]:
    """Inside the block a warning that was logged before is not logged again, as where the harness is called twice."""
    said: set[tuple[str, str]] = set()

    def is_new(record: logging.LogRecord) -> bool:
        key = (record.name, record.getMessage())
        new = record.levelno < logging.WARNING or key not in said
        said.add(key)
        return new

    handlers = [*logging.getLogger().handlers, *logging.getLogger("lm_eval").handlers]
    for handler in handlers:
        handler.addFilter(is_new)
    without_deprecations()
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(is_new)


@contextmanager
def without_git_errors() -> Iterator[None]:
    """Do not let the harness call git, which prints "fatal: not a git repository", where the folder is in none."""
    from lm_eval import evaluator

    if upstream.silences_git() or any((folder / ".git").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
        yield
        return
    original = evaluator.get_git_commit_hash
    evaluator.get_git_commit_hash = lambda: None
    try:
        yield
    finally:
        evaluator.get_git_commit_hash = original
