"""Find the results files of a run, and the sample logs beside or inside them. A log of Inspect is both at once."""

from __future__ import annotations

import fnmatch
import re
from contextlib import suppress
from difflib import get_close_matches
from glob import escape
from pathlib import Path

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.common.files import opened
from mcqa_suite.logs.inspect_logs import ENDING, is_inspect_log
from mcqa_suite.logs.results import SAMPLES, OtherFormError, Results, load_results

PACKED = ".gz"
INSIDE = "#"  # `out.json#arc` stands for the samples of arc inside the results file out.json
RESULTS = "results_"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?")
FIRST_KEY = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"results"\s*:')  # of a results file with a name of the user's


def results_files(path: Path) -> list[Path]:
    """The results files of a folder, a single file, or FOLDER@STAMP, oldest first.

    They are `results_*.json`, and files of any name that begin as the harness's do. Several files, also of folders side by
    side, may have a stamp such as the day, as long as none repeats a task of another.
    """
    folder, at, stamp = str(path).rpartition("@")
    if not path.exists() and at and Path(folder).is_dir():
        files = _below(Path(folder))
        named = [file for file in files if stamp_of(file) == stamp] or [file for file in files if stamp in file.name]
        if not named or _task_comes_twice(named):
            choices = ", ".join(f"{file.parent}@{stamp_of(file)}" for file in named or files) or "none"
            raise DatasetError(f"{path}: {len(named)} runs have this stamp; give one of: {choices}")
        return named
    if path.is_file():
        if path.suffix not in (".json", ENDING):
            raise DatasetError(f"{path}: not a results_*.json or a log of Inspect; give one of these, or its folder")
        return [path]
    files = _below(path)
    if not files and sample_files(path):
        raise DatasetError(
            f"{path}: samples without results_*.json; put the results file beside them, or run lm_eval again"
        )
    if not files:
        missing = "no results_*.json below it" if path.is_dir() else "no such file or folder"
        raise DatasetError(f"{path}: {missing}; {_nearest(path) or 'give what lm_eval wrote to --output_path'}")
    return files


def _nearest(path: Path) -> str:
    """A question with the folder beside a missing one whose name is most alike; "" where there is none."""
    if path.exists() or not path.parent.is_dir():
        return ""
    names = [folder.name for folder in path.parent.iterdir() if folder.is_dir()]
    near = get_close_matches(path.name, names, n=1)
    return f"did you mean {path.parent / near[0]}?" if near else ""


def _below(folder: Path) -> list[Path]:
    files = [*folder.rglob("*.json"), *folder.rglob(f"*{ENDING}")]
    return sorted(filter(is_results_file, files), key=lambda file: (timestamp(file), file.name, str(file)))


def is_results_file(path: Path) -> bool:
    """Whether a file is named as the harness names results, or begins as they do, or is a log of Inspect."""
    if not path.is_file():
        return False
    if path.name.startswith(RESULTS) or is_inspect_log(path):
        return True
    try:
        with opened(path) as file:
            return FIRST_KEY.match(file.read(64)) is not None
    except OSError:
        return False


def _task_comes_twice(files: list[Path]) -> bool:
    if len(files) == 1:
        return False
    tasks = [task for file in files for task in load_results(file)["configs"]]
    return len(set(tasks)) < len(tasks)


def timestamp(path: Path) -> str:
    """The date and time in the name of a results file or a sample log; "" where it has none."""
    stamps = STAMP.findall(path.name)
    return stamps[-1] if stamps else ""


def day_of(path: Path) -> str:
    """2026-01-02, of the time in the name of a results file or a sample log; "" where it has none."""
    return timestamp(path)[:10]


def stamp_of(path: Path) -> str:
    """The time stamp in the name of a results file; what else distinguishes it where there is none.

    Of a log of Inspect it is the whole name: those of several models may be of one second.
    """
    return path.stem if is_inspect_log(path) else timestamp(path) or path.stem.removeprefix(RESULTS)


def samples_file(path: Path, results: Results, task: str) -> Path | None:
    """The sample log of a task of a results file: the one beside it, else the samples inside it; None where there is neither.

    DatasetError for a task name that cannot be in a file name.
    """
    if is_inspect_log(path):
        return path
    for name in _log_names(path, results, task):
        for log in (path.with_name(name), path.with_name(name + PACKED)):
            if _exists(log):
                return log
    if task in results[SAMPLES]:
        return path.with_name(f"{path.name}{INSIDE}{task}")
    renamed = [] if timestamp(path) else list(path.parent.glob(f"samples_{escape(task)}_[0-9]*.jsonl"))
    return renamed[0] if len(renamed) == 1 else None


def _log_names(path: Path, results: Results, task: str) -> list[str]:
    """How the log of a task may be called: as of lm_eval 0.4.3, and as before, with the model's arguments and without a time."""
    names = [f"samples_{task}_{stamp_of(path)}.{ending}" for ending in ("jsonl", "json")]  # .json: before 0.4.3
    if Path(names[0]).name != names[0] or "\0" in names[0]:
        raise DatasetError(f"{path}: task {task!r} cannot be in a file name; remove it from the results")
    if not timestamp(path):
        arguments = str((results.get("config") or {}).get("model_args") or "")
        names.append(f"samples_{task}.jsonl")
        names.append(f"{re.sub('[/=]', '__', arguments)}_{task}.jsonl")
    return names


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long
        raise DatasetError(f"{path}: {error.strerror}; remove the task from the results") from error


def inside_of(log: Path) -> tuple[Path, str] | None:
    """The results file and the task, where `log` stands for samples inside a results file."""
    name, inside, task = log.name.partition(INSIDE)
    return (log.with_name(name), task) if inside and name.endswith(".json") and not log.exists() else None


def is_log(log: Path) -> bool:
    """Whether it is a file, or stands for samples inside one."""
    inside = inside_of(log)
    return log.is_file() if inside is None else inside[0].is_file()


def results_of(log: Path) -> tuple[Path, Results, str] | None:
    """The results file that a sample log belongs to, its content, and the task; None where there is none beside it."""
    if (inside := inside_of(log)) is not None:
        return inside[0], load_results(inside[0]), inside[1]
    if is_inspect_log(log):
        results = load_results(log)
        [task] = results["configs"]
        return log, results, task
    stamps = (timestamp(log), "")
    beside = [path for path in log.parent.glob("*.json") if timestamp(path) in stamps and is_results_file(path)]
    for path in sorted(beside, key=timestamp, reverse=True):
        with suppress(OtherFormError):
            results = load_results(path)
            for task in results["configs"]:
                if task in log.name and samples_file(path, results, task) == log:
                    return path, results, task
    return None


def logs_of(path: Path, tasks: str = "*") -> list[Path]:
    """The sample logs of a folder or of a results file whose task matches the pattern `tasks`; any other file is one itself."""
    if path.is_dir():
        files, logs = _below(path), set(sample_files(path, tasks))
    elif path.suffix == ".json" and is_results_file(path):
        files, logs = [path], set()
    else:
        return [path]
    for file in files:
        with suppress(OtherFormError):
            results = load_results(file)
            names = fnmatch.filter(results["configs"], tasks)
            logs |= {log for task in names if (log := samples_file(file, results, task)) is not None}
    return sorted(logs)


def sample_files(folder: Path, tasks: str = "*") -> list[Path]:
    """Every `samples_*.jsonl` below a folder, packed or not, whose task matches the pattern `tasks`, in order of path."""
    return sorted([*folder.rglob(f"samples_{tasks}.jsonl"), *folder.rglob(f"samples_{tasks}.jsonl{PACKED}")])


def task_of(log: Path) -> str:
    """The task in `samples_<task>_<time>.jsonl` and `out.json#<task>`, else the log's own name."""
    stem = log_name(log)
    if INSIDE in stem:
        return stem.partition(INSIDE)[2]
    return stem.removeprefix("samples_").rpartition("_")[0] if re.match("samples_.*_", stem) else stem


def log_name(path: Path) -> str:
    """The name of a sample log without its endings, `.jsonl` or `.json`, and `.gz`."""
    return re.sub(r"\.jsonl?(\.gz)?$", "", path.name)
