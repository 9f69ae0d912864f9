"""Which results files of a folder are one run: the same model, and as far as they record it the same weights and settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import MANIFEST
from mcqa_suite.logs.files import day_of, results_files, samples_file, stamp_of
from mcqa_suite.logs.results import OtherFormError, Results, load_results

# Of `config`: what tells weights of one path from others. Files of older harnesses lack some of them.
WEIGHTS = ("model_dtype", "model_revision", "model_content", "peft_sha", "delta_sha")
PROOFS = ("model_sha", "model_content")  # with one of these, equal weights are shown
SETTINGS = ("limit", "gen_kwargs", "random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
# Of the whole file. Two calls of one evaluation, with and without a chat template, are of one day.
ASKED = ("chat_template_sha", "system_instruction_sha")


@dataclass(frozen=True)
class RunFiles:
    """`files`: the results files of a run with their content, newest first.

    `notes`: a line for each file that was left out, with the reason. `unproven`: whether files of different days are joined
    although nothing in them shows that the weights were the same.
    """

    files: tuple[tuple[Path, Results], ...]
    notes: tuple[str, ...] = ()
    unproven: bool = False


def run_files(path: Path) -> RunFiles:
    """The results files of a folder, a single file or FOLDER@STAMP that are of one run with the newest.

    Files of other tools are passed over where others are the harness's. DatasetError for runs of several models, and for a
    stamp that several runs have.
    """
    files, notes = _loaded(path)
    newest_file, newest = files[0]
    _check_one_model(path, files)
    joined: list[tuple[Path, Results]] = []
    is_one_evaluation = (path / MANIFEST).is_file()  # by a ladder, whose entries may have different settings
    for file, results in files:
        if (
            reason := ""
            if is_one_evaluation and _same_model(results, newest)
            else _other_run(file, results, newest_file, newest) or _other_arguments(results, joined)
        ):
            notes.append(f"{stamp_of(file)} is left out: {reason}; {path}@{stamp_of(file)} reads it alone")
        else:
            joined.append((file, results))
    days = {day for file, results in joined if (day := day_of(file))}
    proven = len(joined) == 1 or is_one_evaluation or any(all(_recorded(r, key) for _, r in joined) for key in PROOFS)
    unproven = len(days) > 1 and not proven
    if unproven:
        notes.append(
            f"results of {', '.join(sorted(days))} do not record the weights, which may have changed: no mean over them; "
            f"{path}@{max(days)} reads one day"
        )
    return RunFiles(tuple(joined), tuple(notes), unproven)


def _loaded(path: Path) -> tuple[list[tuple[Path, Results]], list[str]]:
    """The results files with their content, newest first, and a note for each of another form, which is passed over."""
    files, others = [], []
    for file in reversed(results_files(path)):
        try:
            files.append((file, load_results(file)))
        except OtherFormError as error:
            others.append(error)
    if not files:
        raise others[0]
    return files, [f"passed over: {error}" for error in others]


def sample_logs(path: Path) -> dict[str, Path]:
    """The newest sample log of each task of a run, by task name."""
    logs: dict[str, Path] = {}
    for file, results in run_files(path).files:
        for task in results["configs"]:
            if task not in logs and (log := samples_file(file, results, task)) is not None:
                logs[task] = log
    return dict(sorted(logs.items()))


def single_runs(path: Path) -> list[Path]:
    """The folders of one run each below a folder of several runs, in order; the path alone where it is one run.

    It is one run too where nothing could be read, or where it holds results files itself: then `run_files` tells why.
    """
    if not path.is_dir() or (path / MANIFEST).is_file():
        return [path]
    try:
        files = results_files(path)
        parents = {file.parent for file in files}
        if len(parents) < 2 or path in parents or _are_one_run(files):
            return [path]
    except DatasetError:
        return [path]
    folders = sorted({path / parent.relative_to(path).parts[0] for parent in parents})
    return [run for folder in folders for run in single_runs(folder)]


def _are_one_run(files: Sequence[Path]) -> bool:
    """Whether all results files are of one model, with no task in two folders; those of other tools are passed over."""
    first: Results | None = None
    folders: dict[str, Path] = {}
    for file in files:
        with suppress(OtherFormError):
            results = load_results(file)
            first = first or results
            once = all(folders.setdefault(task, file.parent) == file.parent for task in results["configs"])
            if not once or not _same_model(results, first):
                return False
    return True


def model_name(results: Results) -> str | None:
    return results.get("model_name") or _config(results).get("model")


def model_identity(results: Results) -> str | None:
    """Name, arguments, commit, size and content of a model as one string; None where the file has none of them."""
    keys = ("model", "model_args", "model_sha", "model_num_parameters", "model_content")
    parts = [model_name(results), *map(_config(results).get, keys)]
    return json.dumps(parts, sort_keys=True, default=str) if any(parts) else None


def _config(results: Results) -> dict[str, Any]:
    return results.get("config") or {}


def _recorded(results: Results, key: str) -> bool:
    return bool(_config(results).get(key))


def _check_one_model(path: Path, files: Sequence[tuple[Path, Results]]) -> None:
    by_model: dict[str, Path] = {}
    for file, results in files:
        by_model.setdefault(str(model_name(results)), file)
    if len(by_model) < 2:
        return
    folders = {file.parent for file in by_model.values()}
    choices = (
        sorted(map(str, folders)) if len(folders) > 1 else [f"{path}@{stamp_of(file)}" for file in by_model.values()]
    )
    names = " and ".join(sorted(by_model))
    raise DatasetError(f"{path}: holds runs of several models ({names}); give one of {', '.join(choices[:4])}")


def _other_run(file: Path, results: Results, newest_file: Path, newest: Results) -> str:
    """Why a file is not of one run with the newest; "" where nothing speaks against it."""
    if not _same_model(results, newest):
        return "other model arguments or weights"
    if task := next(_scored_otherwise(results, newest), None):
        return f"other scores of {task} on the same prompts, so other weights"
    if day_of(file) == day_of(newest_file):
        return ""
    pairs = [(name, _config(results).get(name), _config(newest).get(name)) for name in SETTINGS]
    pairs += [(name.removesuffix("_sha").replace("_", " "), results.get(name), newest.get(name)) for name in ASKED]
    words = [f"{name} {_short(own)}, now {_short(other)}" for name, own, other in pairs if own != other]
    return f"other settings ({'; '.join(words)})" if words else ""


def _other_arguments(results: Results, newer: Sequence[tuple[Path, Results]]) -> str:
    """Why a log of Inspect is not of one run with newer ones: its task has other arguments there; "" where it has none."""
    same_task = [other for _, other in newer if other["configs"].keys() == results["configs"].keys()]
    differ = any(other.get("inspect_arguments") != results.get("inspect_arguments") for other in same_task)
    return "other arguments of the task" if differ else ""


def _same_model(results: Results, newest: Results) -> bool:
    if model_identity(results | {"config": _config(results) | {"model_content": None}}) != model_identity(
        newest | {"config": _config(newest) | {"model_content": None}}
    ):
        return False
    pairs = [(_config(results).get(name), _config(newest).get(name)) for name in WEIGHTS]
    return all(own == other for own, other in pairs if own is not None and other is not None)


def _scored_otherwise(results: Results, newest: Results) -> Iterator[str]:
    """Multiple-choice tasks of both files with the same documents and prompts, and another score."""
    hashes, others = results.get("task_hashes", {}), newest.get("task_hashes", {})
    for task, config in results["configs"].items():
        if config.get("output_type") == "multiple_choice" and task in others and hashes.get(task) == others[task]:
            scores, new = (files.get("results", {}).get(task, {}) for files in (results, newest))
            if any(scores[name] != new[name] for name in scores.keys() & new.keys() if "_stderr" not in name):
                yield task


def _short(value: Any) -> str:
    return "none" if value is None else str(value)[:20]
