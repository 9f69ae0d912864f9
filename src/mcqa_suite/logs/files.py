"""Which results files a path means, and what they and the sample logs beside them hold as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError

OF_MAPPINGS = ("configs", "results", "groups", "n-samples")  # by task or group


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


def samples_file(path: Path, task: str) -> Path:
    """The sample log of a task beside its results file; DatasetError for a task whose name leads elsewhere."""
    name = f"samples_{task}_{stamp_of(path)}.jsonl"
    if Path(name).name != name or "\0" in name:
        raise DatasetError(f"{path}: task {task!r} is no name of a file; take it out of the results")
    return path.with_name(name)


def load_results(path: Path) -> dict[str, Any]:
    """What a results file holds, less what is null; DatasetError where it is not of the harness's form."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        found = {name: value for name, value in results.items() if value is not None}
        _check_form(found)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; give the results file, or its folder") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{path}: broken results ({error!r}); was the run cut off? Run it again") from error
    return found


def _check_form(results: dict[str, Any]) -> None:
    """KeyError or TypeError for what the readers of results would stumble over."""
    results["configs"]
    for name in (*OF_MAPPINGS, "group_subtasks", "versions", "n-shot", "config"):
        if not isinstance(results.get(name, {}), dict):
            raise TypeError(f"{name} is no mapping")
    for name in OF_MAPPINGS:
        if not all(isinstance(value, dict) for value in results.get(name, {}).values()):
            raise TypeError(f"{name} holds something else than mappings")
    for members in results.get("group_subtasks", {}).values():
        if not (isinstance(members, list) and all(isinstance(member, str) for member in members)):
            raise TypeError("group_subtasks holds something else than lists of names")
    counts = [config.get("num_fewshot") for config in results["configs"].values()]
    counts += [
        *results.get("n-shot", {}).values(),
        *(n.get("effective") for n in results.get("n-samples", {}).values()),
    ]
    if not all(count is None or isinstance(count, int) for count in counts):
        raise TypeError("a count of examples or samples is no whole number")


def failure(row: Any) -> str | None:
    """Why a row has no answer, where a model server gave none; None for every other row."""
    reason = row.get("failed") if isinstance(row, dict) else None
    return reason if isinstance(reason, str) else None


def numbered_rows(path: Path, *, failed: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """A sample log line by line, counted from 1; DatasetError where one is no JSON.

    A row without an answer (`failure`) is neither right nor wrong: it is left out, unless `failed` asks for it.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DatasetError(
                        f"{path}:{number}: broken line ({error}); was the run cut off? Run it again"
                    ) from error
                if failed or failure(row) is None:
                    yield number, row
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 ({error.reason}); was the run cut off? Run it again") from error
