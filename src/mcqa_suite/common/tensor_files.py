"""Read the headers of safetensors files without the library: names, types, shapes and lengths of tensors, no weights."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import CheckpointError

MOST_HEADER_BYTES = 100_000_000  # the limit of the safetensors library


def tensor_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """The dtype, shape and data_offsets of every tensor of a folder, by name.

    CheckpointError for a file whose size is not the one in its header.
    """
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        entries |= _header(path)
    return entries


def _header(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a header: 8 bytes with its length, then JSON."""
    size, end, entries = path.stat().st_size, -1, {}
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length <= min(size, MOST_HEADER_BYTES):
            with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
                entries = json.loads(stream.read(length))
                entries.pop("__metadata__", None)
                end = max((_end(entry) for entry in entries.values()), default=0)
    if 8 + length + end != size:
        raise CheckpointError(f"{path}: broken or incomplete; make it again, or copy it again")
    return entries


def _end(entry: dict[str, Any]) -> int:
    """The offset where a tensor's bytes end; ValueError for an entry that is not a tensor."""
    numbers = [*entry["shape"], *entry["data_offsets"]]
    if not isinstance(entry["dtype"], str) or not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("not a tensor")
    return int(entry["data_offsets"][1])
