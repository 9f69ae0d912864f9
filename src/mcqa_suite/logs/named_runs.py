"""Runs as a user names them: a path, or NAME=PATH."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mcqa_suite.common.errors import McqaError
from mcqa_suite.logs.runs import Run, read_run


def read_runs(texts: Sequence[str], cluster: str | None = None) -> tuple[list[Run | None], list[str]]:
    """Read several runs in order, and give each a name of its own.

    Returns the runs, None for one that cannot be read, and an error line for each of those.
    """
    runs: list[Run | None] = []
    errors: list[str] = []
    for text in texts:
        name, path = named_path(text)
        try:
            runs.append(read_run(path, name=name, cluster=cluster))
        except McqaError as error:
            errors.append(str(error))
            runs.append(None)
    counts = Counter(run.name for run in runs if run)
    names = [
        text if run is None or (counts[run.name] > 1 and named_path(text)[0] is None) else run.name
        for run, text in zip(runs, texts, strict=True)
    ]
    named = zip(runs, _numbered(names), strict=True)
    return [None if run is None else replace(run, name=name) for run, name in named], errors


def _numbered(names: Sequence[str]) -> list[str]:
    """Add (2), (3), ... to repeated names."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return unique


def named_path(text: str) -> tuple[str | None, Path]:
    """Split NAME=PATH; the name is None for a path alone. A path that exists may itself contain "="."""
    if Path(text).exists():
        return None, Path(text)
    for index, letter in enumerate(text):
        if letter == "=" and index and text[index + 1 :] and Path(text[index + 1 :]).exists():
            return text[:index], Path(text[index + 1 :])
    name, equals, path = text.partition("=")
    if equals and name and "/" not in name:
        return name, Path(path)
    return None, Path(text)
