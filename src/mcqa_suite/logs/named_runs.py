"""Runs as a user names them: a path, NAME=PATH, or a folder with the runs of several models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mcqa_suite.common.errors import McqaError
from mcqa_suite.logs.runs import Run, read_run
from mcqa_suite.logs.same_run import single_runs


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
    names = _distinct([(run.name if run else text, text) for run, text in zip(runs, texts, strict=True)])
    return [run and replace(run, name=name) for run, name in zip(runs, names, strict=True)], errors


def expanded(texts: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """The texts, with the runs below it in place of a folder of several models.

    A run that is given itself, here or in `others`, is not one of those below a folder.
    """
    texts = list(texts)
    given = {named_path(text)[1].resolve() for text in (*texts, *others)}
    runs: list[str] = []
    for text in texts:
        name, folder = named_path(text)
        if (below := single_runs(folder)) == [folder]:
            runs.append(text)
            continue
        below = [run for run in below if not any(path.is_relative_to(run.resolve()) for path in given)]
        runs += [f"{name} {run.relative_to(folder)}={run}" if name else str(run) for run in below]
    return runs


def named_paths(texts: Iterable[str | Path]) -> list[tuple[str, Path]]:
    """Each run with a name of its own: the given one, else the file's or folder's."""
    named = [(*named_path(text), text) for text in expanded(map(str, texts))]
    names = _distinct([(name or path.absolute().name, text) for name, path, text in named])
    return [(name, path) for name, (_, path, _) in zip(names, named, strict=True)]


def _distinct(names: Sequence[tuple[str, str]]) -> list[str]:
    """The names of (name, text) pairs: the text where several have a name that none of them gave, then (2), (3), ..."""
    counts = Counter(name for name, _ in names)
    seen: Counter[str] = Counter()
    unique = []
    for name, text in names:
        label = text if counts[name] > 1 and named_path(text)[0] is None else name
        seen[label] += 1
        unique.append(f"{label} ({seen[label]})" if seen[label] > 1 else label)
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
