"""Where `mcqa eval` writes where nothing says it, and the command that compares what it wrote."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import DatasetError
from mcqa_suite.logs.files import RESULTS, timestamp
from mcqa_suite.logs.results import load_json

RUNS = Path("runs")
CHECKPOINT = ("peft", "lora_local_path", "pretrained", "model")  # model arguments that name it, the first that is given
WEIGHTS = ("revision", "subfolder", "gguf_file", "dtype", "load_in_8bit", "load_in_4bit", "quantization")


def saved_by_default(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The output path and the logging of samples, as far as neither the flags nor the configuration file set them."""
    samples = {} if "log_samples" in settings else {"log_samples": True}
    output = settings.get("output_path") or (settings.get("hf_hub_log_args") or {}).get("output_path")
    return samples | {"output_path": str(output or RUNS / model_folder(settings))}


def model_folder(settings: Mapping[str, Any]) -> str:
    """A model's name without its owner and folders, and the arguments that change its weights: Qwen3-0.6B-load_in_4bit."""
    arguments = settings.get("model_args") or {}
    name = next((arguments[key] for key in CHECKPOINT if arguments.get(key)), settings.get("model") or "model")
    changes = [key if arguments[key] is True else f"{key}-{arguments[key]}" for key in WEIGHTS if arguments.get(key)]
    return "-".join([Path(str(name)).resolve().name or "model", *changes]).replace("/", "-")


def closing_lines(output: str) -> list[str]:
    """Where the results are, and the command that compares them with those of another model on the same tasks."""
    folder = _folder(output)
    if not (results := _newest(folder)):
        return []
    run, other = shlex.quote(str(folder)), _other_run(folder, _tasks(results))
    if other:
        return [f"results and samples: {folder}", f"compare: mcqa compare {shlex.quote(str(other))} {run}"]
    return [
        f"results and samples: {folder}",
        f"compare, after an evaluation of another model on these tasks: mcqa compare {folder.parent / 'OTHER'} {run}",
    ]


def newest_folder(output: str) -> Path:
    """The folder below an output path that holds the newest results, those of one model."""
    folder = _folder(output)
    newest = _newest(folder)
    return newest.parent if newest else folder


def _folder(output: str) -> Path:
    file = Path(output)
    return file.parent if file.suffix == ".json" else file


def _other_run(folder: Path, tasks: set[str]) -> Path | None:
    """The oldest run beside a folder that has all of its tasks."""
    beside = [path for path in folder.absolute().parent.iterdir() if path.is_dir() and path != folder.absolute()]
    runs = {path.name: list(_results(path)) for path in beside}
    same = {name: files for name, files in runs.items() if files and tasks <= set().union(*map(_tasks, files))}
    return folder.parent / min(same, key=lambda name: min(map(timestamp, same[name]))) if same else None


def _newest(folder: Path) -> Path | None:
    """The newest results file in a folder or a model's folder in it, where the harness writes."""
    return max(_results(folder), key=timestamp, default=None)


def _results(folder: Path) -> Iterator[Path]:
    for pattern in (f"{RESULTS}*.json", f"*/{RESULTS}*.json"):
        yield from folder.glob(pattern)


def _tasks(results: Path) -> set[str]:
    """The tasks of a results file; none where it cannot be read."""
    try:
        return set(load_json(results)["configs"]) if results.is_file() else set()
    except (DatasetError, KeyError, TypeError):
        return set()
