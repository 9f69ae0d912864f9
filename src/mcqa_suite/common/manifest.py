"""What made a folder: a stage's `manifest.json`, the hash of its content, and folders that are whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, field
from importlib import metadata
from math import prod
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from mcqa_suite import __version__
from mcqa_suite.common.config import parse_json
from mcqa_suite.common.errors import CheckpointError, ConfigError
from mcqa_suite.common.files import write_file

MANIFEST = "manifest.json"
SCHEMA = 1  # of manifests; rises when the meaning of a key changes
# weights, config, tokenizer, and what an evaluation writes; not logs, READMEs and pickled trainer arguments
CONTENT = {".safetensors", ".bin", ".json", ".jsonl", ".model", ".txt", ".jinja", ".tiktoken"}
TRAINING_LOG, HELD_OUT = "training_log.jsonl", "held_out_rewards.jsonl"  # how a stage went, beside what it made
NOT_CONTENT = {MANIFEST, TRAINING_LOG, HELD_OUT, "training_args.bin"}
# a different value on every run, or on every machine
VOLATILE_KEYS = {"offload_to_disk_path", "_name_or_path"}
# what transformers notes of how it was run: whether the hub could be reached says nothing of a tokenizer
SETTLED = {"local_files_only": False}
MOST_HEADER = 100_000_000  # bytes; the limit of the safetensors library
# safetensors' own names of the floating types a parameter may have
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}


@dataclass(frozen=True)
class Parent:
    """What a stage was made from: its name, and the content hash of its folder."""

    name: str
    content: str


@dataclass(frozen=True)
class Data:
    """Rows that went into a stage: `sha256` is over their text."""

    name: str
    n: int
    sha256: str


@dataclass(frozen=True)
class Hardware:
    """`gpu` is None where the CPU did the work; `processes` is the world size that was really started."""

    cpu: str
    cores: int
    gpu: str | None = None
    processes: int = 1


@dataclass(frozen=True)
class Size:
    """`parameters` are those of the unquantised model; `bits_per_weight` counts every stored tensor."""

    parameters: int
    bits_per_weight: float
    bytes_on_disk: int


@dataclass(frozen=True)
class Manifest:
    """How a stage made its folder. It holds no path, so that it is valid on every machine.

    `chat_template` is whether the stage trained with the tokenizer's template, which evaluation then has to use (None:
    nothing was trained). An `adapter` holds no weights of its parent and works on no other checkpoint. New keys have defaults and
    unknown keys are ignored, so the manifests of older and newer versions are read.
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
    versions: dict[str, str] = field(default_factory=dict)
    tokens_per_second: float | None = None
    size: Size | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    chat_template: bool | None = None
    adapter: bool = False
    mcqa_suite: str = __version__
    schema: int = SCHEMA


def write_manifest(folder: Path, manifest: Manifest) -> None:
    write_file(folder / MANIFEST, json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; CheckpointError where it is missing or broken."""
    path = folder / MANIFEST
    try:
        return parse_json(Manifest, path.read_bytes(), str(path))
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}; the folder was not made by a stage") from error
    except ConfigError as error:
        raise CheckpointError(f"{error}: not a manifest; make the folder again") from error


def name_of(checkpoint: Path) -> str:
    """The name that a checkpoint's manifest gives it, or else its folder's."""
    try:
        return read_manifest(checkpoint).name
    except CheckpointError:  # not made by a stage
        return checkpoint.resolve().name


def content_files(folder: Path) -> list[Path]:
    """The files that make a checkpoint or an evaluation what it is, sorted by their place in the folder."""
    files = (path for path in folder.rglob("*") if path.suffix in CONTENT and path.name not in NOT_CONTENT)
    inside = [path for path in files if path.is_file() and not _hidden(path.relative_to(folder))]
    return sorted(inside, key=lambda path: path.relative_to(folder).as_posix())


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def content_hash(folder: Path) -> str:
    """SHA-256 over `content_files`, their names included; temporary paths inside JSON files do not count."""
    files = content_files(folder)
    if not files:
        raise CheckpointError(f"{folder}: holds no weights, config or tokenizer; give a folder with config.json")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{_file_hash(path)}\n".encode())
    return digest.hexdigest()


def _file_hash(path: Path) -> str:
    if path.name in ("config.json", "quantize_config.json", "tokenizer_config.json"):
        with suppress(ValueError, RecursionError):  # what is no JSON counts byte by byte
            settled = json.dumps(without_volatile(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True)
            return hashlib.sha256(settled.encode()).hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def file_data(name: str, paths: Iterable[Path]) -> Data:
    """The fingerprint of files as data: their names and bytes."""
    digest, n = hashlib.sha256(), 0
    for path in paths:
        digest.update(f"{path.name}\0{_file_hash(path)}\n".encode())
        n += 1
    return Data(name, n, digest.hexdigest())


def without_volatile(value: Any) -> Any:
    """A JSON value less the keys whose values differ from run to run, or with one value for all."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in VOLATILE_KEYS}
        return {key: SETTLED.get(key, without_volatile(item)) for key, item in kept.items()}
    return [without_volatile(item) for item in value] if isinstance(value, list) else value


def checkpoint_size(folder: Path, parent: Path | None = None) -> Size | None:
    """Bits per weight and bytes; a quantised checkpoint's parameters are counted in `parent`. None if they cannot be."""
    tensors, original = _tensors(folder), _tensors(parent or folder)
    parameters = sum(prod(entry["shape"]) for entry in original.values() if entry["dtype"] in FLOATS)
    if not tensors or not parameters or any(name.endswith(".qweight") for name in original):
        return None
    stored = sum(entry["data_offsets"][1] - entry["data_offsets"][0] for entry in tensors.values())
    return Size(parameters, 8 * stored / parameters, sum(path.stat().st_size for path in content_files(folder)))


def _tensors(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of every safetensors header (8 bytes of length, then JSON) by the tensor's name."""
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        entries |= _header(path)
    return entries


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of one safetensors header; CheckpointError where the file is not as long as they say."""
    size, end, entries = path.stat().st_size, -1, {}
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length <= min(size, MOST_HEADER):
            with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
                entries = {
                    name: entry for name, entry in json.loads(stream.read(length)).items() if name != "__metadata__"
                }
                end = max((_end(entry) for entry in entries.values()), default=0)
    if 8 + length + end != size:
        raise CheckpointError(f"{path}: broken or half written; make it again, or copy it again")
    return entries


def _end(entry: dict[str, Any]) -> int:
    """Where a tensor's bytes end; ValueError for an entry that is none."""
    numbers = [*entry["shape"], *entry["data_offsets"]]
    if not isinstance(entry["dtype"], str) or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("no tensor")
    return int(entry["data_offsets"][1])


def check_tensor_files(folder: Path) -> None:
    """CheckpointError for a safetensors file that is shorter or longer than its own header says."""
    _tensors(folder)


@contextmanager
def complete_folder(target: Path) -> Iterator[Path]:
    """A temporary sibling of `target` to write into; it becomes `target` when the block ends, and is gone if it fails.

    Replaces a folder that a stage made; CheckpointError for any other that is not empty.
    """
    if target.exists() and not (target / MANIFEST).exists() and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError(f"{target}: exists and was not made by a stage; choose another output folder")
    partial, old = (target.with_name(f".{target.name}.{word}") for word in ("partial", "old"))
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)
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
    """The cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
