"""Find the results files of a run, and the sample logs beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError

PACKED = ".gz"
MAPPINGS_OF_MAPPINGS = ("configs", "results", "groups", "n-samples")  # by task or group


def results_files(path: Path) -> list[Path]:
    """The results files of a folder, a single file, or FOLDER@STAMP, oldest first.

    Several files, also of folders side by side, may have a stamp such as the day, as long as none repeats a task of another.
    """
    folder, at, stamp = str(path).rpartition("@")
    if not path.exists() and at and Path(folder).is_dir():
        files = _below(Path(folder))
        named = [file for file in files if stamp in file.name]
        if not named or _task_comes_twice(named):
            choices = ", ".join(f"{file.parent}@{stamp_of(file)}" for file in named or files) or "none"
            raise DatasetError(f"{path}: {len(named)} runs have this stamp; give one of: {choices}")
        return named
    if path.is_file():
        if not (path.name.startswith("results_") and path.suffix == ".json"):
            raise DatasetError(f"{path}: not a results_*.json; give the results file, or its folder")
        return [path]
    files = _below(path)
    if not files and sample_files(path):
        raise DatasetError(
            f"{path}: samples without results_*.json; put the results file beside them, or run lm_eval again"
        )
    if not files:
        raise DatasetError(f"{path}: no results_*.json below it; give what lm_eval wrote to --output_path")
    return files


def _below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("results_*.json"), key=lambda file: (file.name, str(file)))


def _task_comes_twice(files: list[Path]) -> bool:
    if len(files) == 1:
        return False
    tasks = [task for file in files for task in load_results(file)["configs"]]
    return len(set(tasks)) < len(tasks)


def stamp_of(path: Path) -> str:
    """The time stamp in the name of a results file."""
    return path.stem.removeprefix("results_")


def samples_file(path: Path, task: str) -> Path:
    """The sample log of a task beside its results file, packed (`.jsonl.gz`) where only that exists.

    DatasetError for a task name that cannot be in a file name.
    """
    name = f"samples_{task}_{stamp_of(path)}.jsonl"
    if Path(name).name != name or "\0" in name:
        raise DatasetError(f"{path}: task {task!r} cannot be in a file name; remove it from the results")
    plain, packed = path.with_name(name), path.with_name(name + PACKED)
    return packed if packed.exists() and not plain.exists() else plain


def sample_files(folder: Path, tasks: str = "*") -> list[Path]:
    """Every sample log below a folder, packed or not, whose task matches the pattern `tasks`, in order of path."""
    return sorted([*folder.rglob(f"samples_{tasks}.jsonl"), *folder.rglob(f"samples_{tasks}.jsonl{PACKED}")])


def log_name(path: Path) -> str:
    """The name of a sample log without its endings, `.jsonl` and `.gz`."""
    return path.name.removesuffix(PACKED).removesuffix(".jsonl")


def load_results(path: Path) -> dict[str, Any]:
    """The content of a results file without its null values; DatasetError where it does not have the harness's form."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        results = {name: value for name, value in content.items() if value is not None}
        _check_form(results)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}; give the results file, or its folder") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{path}: broken results ({error!r}); was the run cut off? Run it again") from error
    return results


def _check_form(results: dict[str, Any]) -> None:
    """Raise KeyError or TypeError for content that is not a results file of the harness."""
    results["configs"]
    for name in (*MAPPINGS_OF_MAPPINGS, "group_subtasks", "versions", "n-shot", "config"):
        if not isinstance(results.get(name, {}), dict):
            raise TypeError(f"{name} is not a mapping")
    for name in MAPPINGS_OF_MAPPINGS:
        if not all(isinstance(value, dict) for value in results.get(name, {}).values()):
            raise TypeError(f"{name} has a value that is not a mapping")
    for members in results.get("group_subtasks", {}).values():
        if not (isinstance(members, list) and all(isinstance(member, str) for member in members)):
            raise TypeError("group_subtasks has a value that is not a list of names")
    counts = [config.get("num_fewshot") for config in results["configs"].values()]
    counts += [
        *results.get("n-shot", {}).values(),
        *(n.get("effective") for n in results.get("n-samples", {}).values()),
    ]
    if not all(count is None or isinstance(count, int) for count in counts):
        raise TypeError("a count of examples or samples is not a whole number")
