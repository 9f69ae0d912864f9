"""Pack a run folder for a repository: logs without what can be had elsewhere, manifests, adapters; no weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.files import read_bytes, write_bytes
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.manifest import HELD_OUT, MANIFEST, TRAINING_LOG
from mcqa_suite.common.masking import mask_of_secrets
from mcqa_suite.logs import packing
from mcqa_suite.logs.files import PACKED, is_results_file, results_files, samples_file
from mcqa_suite.logs.inspect_logs import ENDING
from mcqa_suite.logs.results import load_results
from mcqa_suite.logs.rows import read_rows

COPIED = {MANIFEST, TRAINING_LOG, HELD_OUT, "rung.json", "adapter_config.json", "adapter_model.safetensors"}
BINARY = {".safetensors", ENDING}
COPIED_FOLDERS = {"audits", "configs"}
SCORES = re.compile(r"(?:reward|logprob)-[0-9a-f]{8}\..*\.jsonl")  # of samples, which `mcqa vote` keeps beside a log
PATH = re.compile(r"(?:^|(?<==))/[^\n,/]+/[^\n,]*")  # an absolute path, whole or as the value of "pretrained=..."


@dataclass(frozen=True)
class PackedRun:
    """How many files were written, and their bytes before and after."""

    files: int
    bytes_before: int
    bytes_after: int


def pack_run(folder: Path, output: Path) -> PackedRun:
    """Write a packed copy of every run below `folder` to the same places below `output`.

    Older logs in the folders that are written are removed; all other files of `output` stay. DatasetError for a folder without
    results, and for a log that cannot be read.
    """
    results = results_files(folder) if folder.is_dir() else []
    if not results:
        raise DatasetError(f"{folder}: not the folder of a run; give a folder that holds results_*.json")
    if output.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"--output {output}: is inside {folder}; choose another folder")
    files, before, after = 0, 0, 0
    for inside in {path.parent.relative_to(folder) for path in results}:
        _remove_older_logs(output / inside)
    for source, name, content in _files(folder, results):
        target = output / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"--output {target}: cannot be written ({error.strerror}); choose another folder"
            ) from error
        write_bytes(target, content)
        files, before, after = files + 1, before + source.stat().st_size, after + len(content)
    return PackedRun(files, before, after)


def _remove_older_logs(folder: Path) -> None:
    """Remove the results and samples of an earlier evaluation; whatever else is in the folder stays."""
    results = [path for path in (*folder.glob("*.json"), *folder.glob(f"*{ENDING}")) if is_results_file(path)]
    for path in [*results, *folder.glob("samples_*.jsonl"), *folder.glob("samples_*.jsonl.gz")]:
        path.unlink()


def _files(folder: Path, results: list[Path]) -> Iterator[tuple[Path, Path, bytes]]:
    """Each file to write: its source, its path in the packed run, its content."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        named = path.name in COPIED or SCORES.fullmatch(path.name) or COPIED_FOLDERS.intersection(inside.parts)
        if named and path.is_file():
            yield path, inside, _without_secrets(path)
    for path in results:
        content = load_results(path)
        yield path, path.relative_to(folder), _without_local_paths(path)
        for task, config in content["configs"].items():
            log = samples_file(path, content, task)
            if log is None or log == path or not log.is_file():  # inside the results file, which is copied whole
                continue
            if log.suffix == PACKED:
                yield log, log.relative_to(folder), read_bytes(log)
            else:
                yield log, log.relative_to(folder).with_name(log.name + PACKED), _packed(log, config)


def _without_local_paths(results: Path) -> bytes:
    """A results file whose settings name files relative to the working directory; those outside it by their last part."""
    if results.name.endswith(ENDING):
        return read_bytes(results)
    content = loads(read_bytes(results))
    settings = {name: _shortened(content[name]) for name in ("config", "configs", "model_name") if name in content}
    text = mask_of_secrets()(json.dumps(content | settings, indent=2, ensure_ascii=False))
    return text.encode("utf-8", "backslashreplace")  # half of a surrogate pair is an escape of JSON again


def _without_secrets(path: Path) -> bytes:
    content = read_bytes(path)
    if path.suffix in BINARY:
        return content
    return mask_of_secrets()(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    return PATH.sub(_short_path, value) if isinstance(value, str) else value


def _short_path(match: re.Match[str]) -> str:
    path = Path(match.group())
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name)


def _packed(log: Path, config: dict[str, Any]) -> bytes:
    split = "/".join(str(config.get(key)) for key in ("dataset_path", "dataset_name", "test_split"))
    try:
        mask = mask_of_secrets()
        rows = (mask(json.dumps(sample.row)) + "\n" for sample in read_rows(log, failed=True))
        return packing.pack("".join(rows).encode(), split)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{log}: not a sample log ({error!r}); run the task again") from error
