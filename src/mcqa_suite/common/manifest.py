"""Manifests, which record how a stage made its folder; content hashes; folders that are written completely or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from mcqa_suite import __version__
from mcqa_suite.common.chat_template import ChatTemplate, ChatTemplateSetting
from mcqa_suite.common.config import parse_json
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.files import MANIFEST, read_bytes, read_text, sha256_of, write_file
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.masking import mask_of_secrets

SCHEMA = 1  # version of the manifest format; rises when the meaning of a key changes
CHECKSUM = "checksum"  # key of a manifest: of its other values
# Files that are hashed: weights, config, tokenizer and results; not logs, READMEs and pickled trainer arguments.
CONTENT = {".safetensors", ".bin", ".json", ".jsonl", ".model", ".txt", ".jinja", ".tiktoken"}
TRAINING_LOG, HELD_OUT = "training_log.jsonl", "held_out_rewards.jsonl"  # about the training, so not hashed
NOT_CONTENT = {MANIFEST, TRAINING_LOG, HELD_OUT, "training_args.bin"}
ADAPTER_COPY = "adapter"  # folder of the adapter that is merged into the weights beside it; no content of its own
KEPT = "kept"  # folder of the steps that a training kept; no content of its own
# Keys of configs that differ by run or by machine: left out of the hash, or hashed with a fixed value.
VOLATILE_KEYS = {"offload_to_disk_path", "_name_or_path"}
FIXED_VALUES = {
    "local_files_only": False
}  # transformers records in a tokenizer's config whether the hub could be reached


@dataclass(frozen=True)
class Parent:
    """The parent of a checkpoint: its name, and the content hash of its folder."""

    name: str
    content: str


@dataclass(frozen=True)
class Data:
    """A data source of a stage: its number of rows, and the SHA-256 of their text."""

    name: str
    n: int
    sha256: str


@dataclass(frozen=True)
class LeftOut:
    """Rows of its data that a stage did not see: their number, the SHA-256 of their text, and the number of the other rows."""

    n: int
    sha256: str
    remaining: int


@dataclass(frozen=True)
class TaskData:
    """What an evaluation reads for a task of its plan's entry number `entry`; each hash is a SHA-256 of content, never of a path.

    `source` is a data set or the name of a file, `n` the number of its rows, and `documents` the hash of what is made of them.
    `shots` is the number of rows from which few-shot examples are taken (0: none is shown), `examples` their hash. `yaml` is
    the hash of the task's YAML with what it includes, and of those of its groups.
    """

    entry: int
    task: str
    version: str
    source: str
    n: int
    documents: str
    shots: int
    examples: str
    yaml: str


@dataclass(frozen=True)
class Hardware:
    """The machine and the number of processes of a stage; `gpu` is None on a CPU."""

    cpu: str
    cores: int
    gpu: str | None = None
    processes: int = 1


@dataclass(frozen=True)
class Size:
    """`parameters` are those of the unquantised model; `bits_per_weight` counts every stored tensor.

    `stored` names the types of the tensors in the files, the one with most bytes first: "bfloat16", or for 4 bits packed into
    integers "int32, bfloat16, float16". It is "" in manifests that are older than the key.
    """

    parameters: int
    bits_per_weight: float
    bytes_on_disk: int
    stored: str = ""


@dataclass(frozen=True)
class Manifest:
    """How a stage made its folder. It contains no path, so it is valid on every machine.

    `chat_template` is how the checkpoint is asked, and what is made from it too (None: not known). `rows_chat_template` is how
    the rows of the stage were written, for each format that they have (None: see `rows_written`). `validation` are the rows that
    it is measured on, where these are of their own sources. An `adapter` works only on its
    parent. `left_out` describes the rows of `data` that were left out (None: all were seen). `tasks` is what an evaluation read
    (None for a stage, and in manifests that are older than the key). New keys have defaults and unknown keys are ignored, so
    manifests of older and newer versions can be read.
    """

    kind: str
    name: str
    parent: Parent | None
    settings: dict[str, Any]
    content: str
    seed: int
    hardware: Hardware
    seconds: float
    data: tuple[Data, ...] = ()
    validation: tuple[Data, ...] = ()
    left_out: LeftOut | None = None
    tasks: tuple[TaskData, ...] | None = None
    versions: dict[str, str] = field(default_factory=dict)
    tokens_per_second: float | None = None
    peak_memory_mb: float | None = None
    size: Size | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    chat_template: ChatTemplateSetting = None
    rows_chat_template: ChatTemplateSetting = None
    adapter: bool = False
    mcqa_suite: str = __version__
    schema: int = SCHEMA

    @property
    def rows_written(self) -> ChatTemplate | None:
        """How the rows were written: in older manifests as the checkpoint is asked, and calibration rows as plain text."""
        if self.rows_chat_template is not None:
            return self.rows_chat_template
        return ChatTemplate.everywhere(False) if self.kind == "gptq" else self.chat_template


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it with a checksum of all its values, as they will be read: without secrets, and with every key a string."""
    values = loads(mask_of_secrets()(json.dumps(asdict(manifest), ensure_ascii=False)))
    text = json.dumps(values | {CHECKSUM: checksum_of(values)}, indent=2, ensure_ascii=False)
    write_file(folder / MANIFEST, text + "\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; CheckpointError where it is missing, broken or not as it was written.

    Manifests that are older than the checksum have none, and are read as they are.
    """
    path = folder / MANIFEST
    try:
        content = read_bytes(path)
        manifest = parse_json(Manifest, content, str(path))
        values = loads(content)
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}; the folder was not made by a stage") from error
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"{error}: not a manifest; make the folder again") from error
    if values.get(CHECKSUM, None) not in (None, checksum_of(values)):
        raise CheckpointError(f"{path}: changed since it was written (checksum); rerun, or copy the folder again")
    return manifest


def checksum_of(values: dict[str, Any]) -> str:
    """SHA-256 of a manifest's values, whatever their order; its own checksum is none of them."""
    others = {key: value for key, value in values.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def name_of(checkpoint: Path) -> str:
    """The name in a checkpoint's manifest, or its folder's name without one."""
    try:
        return read_manifest(checkpoint).name
    except CheckpointError:  # not made by a stage
        return checkpoint.resolve().name


def content_files(folder: Path) -> list[Path]:
    """The files that are hashed as the content of a checkpoint or an evaluation, sorted by path."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return [
        path
        for name, path in sorted(files.items())
        if path.suffix in CONTENT and path.name not in NOT_CONTENT and not f"/{name}".count("/.")
        if not name.startswith((f"{ADAPTER_COPY}/", f"{KEPT}/"))
    ]


def content_hash(folder: Path) -> str:
    """SHA-256 over the names and bytes of `content_files`, without the volatile keys of configs."""
    files = content_files(folder)
    if not files:
        raise CheckpointError(f"{folder}: holds no weights, config or tokenizer; give a folder with config.json")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{_file_hash(path)}\n".encode())
    return digest.hexdigest()


def _file_hash(path: Path) -> str:
    if path.name in ("config.json", "quantize_config.json", "tokenizer_config.json"):
        with suppress(ValueError, RecursionError):  # a file that is not JSON is hashed as bytes
            settled = json.dumps(without_volatile(loads(read_text(path))), sort_keys=True)
            return hashlib.sha256(settled.encode()).hexdigest()
    return sha256_of(path)


def without_volatile(value: Any) -> Any:
    """A JSON value without volatile keys."""
    if isinstance(value, dict):
        return {
            key: FIXED_VALUES.get(key, without_volatile(item))
            for key, item in value.items()
            if key not in VOLATILE_KEYS
        }
    return [without_volatile(item) for item in value] if isinstance(value, list) else value


@contextmanager
def complete_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target`, which is renamed to it when the block ends and deleted when it fails.

    An existing folder is replaced if a stage made it; CheckpointError for any other that is not empty. A link stays, and the
    folder that it names is replaced.
    """
    name, target = target, Path(os.path.realpath(target))
    if target.exists() and not (target / MANIFEST).exists() and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError(f"{name}: exists and was not made by a stage; choose another output folder")
    partial, old = (target.with_name(f".{target.name}.{word}") for word in ("partial", "old"))
    for leftover in (partial, old):
        if leftover.is_symlink() or leftover.is_file():
            leftover.unlink()
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def versions(*libraries: str) -> dict[str, str]:
    """The installed version of each library, and Python's."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in libraries}


def hardware(gpu: str | None = None, processes: int = 1) -> Hardware:
    return Hardware(cpu_name(), usable_cores(), gpu, processes)


def usable_cores() -> int:
    """The number of cores that this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
