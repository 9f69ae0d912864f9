"""Which results files a path means, and what they and the sample logs beside them hold as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mcqa_suite.errors import DatasetError


def results_files(path: Path) -> list[Path]:
    """The results files that `path` means, oldest first."""
    folder, at, stamp = str(path).rpartition("@")
    if not path.exists() and at and Path(folder).is_dir():
        found = [file for file in _sorted(Path(folder).rglob("results_*.json")) if stamp in file.name]
        if len(found) != 1:
            known = ", ".join(stamp_of(file) for file in _sorted(Path(folder).rglob("results_*.json"))) or "none"
            raise DatasetError(f"{path}: {len(found)} runs are called so; there are: {known}")
        return found
    if path.is_file():
        if not (path.name.startswith("results_") and path.suffix == ".json"):
            raise DatasetError(f"{path}: not a results_*.json; give the results file, or its folder")
        return [path]
    files = _sorted(path.rglob("results_*.json"))
    if not files and any(path.rglob("samples_*.jsonl")):
        raise DatasetError(
            f"{path}: samples without results_*.json; put the results file beside them, or run lm_eval again"
        )
    if not files:
        raise DatasetError(f"{path}: no results_*.json below it; give what lm_eval wrote to --output_path")
    return files


def _sorted(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=lambda file: (file.name, str(file)))


def stamp_of(path: Path) -> str:
    return path.stem.removeprefix("results_")


def load_results(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(results["configs"], dict)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise DatasetError(f"{path}: broken results ({error!r}); was the run cut off? Run it again") from error
    return dict(results)


def numbered_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """A sample log line by line, counted from 1; DatasetError where one is no JSON."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise DatasetError(
                        f"{path}:{number}: broken line ({error}); was the run cut off? Run it again"
                    ) from error
                yield number, row
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 ({error.reason}); was the run cut off? Run it again") from error
