"""Sizes in tables are those of the files; a manifest counts only where the weights are not there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mcqa_suite.common.checkpoints import measured_size
from mcqa_suite.common.manifest import Manifest, Parent, Size, content_hash, hardware, write_manifest
from mcqa_suite.logs.origin import read_origin

WHOLE = {"layer.weight": ("F32", [64, 64])}  # 4,096 parameters of 32 bits
PACKED = {"layer.qweight": ("I32", [8, 64]), "layer.scales": ("F16", [2, 64])}  # of 4 bits, and 16 for each 32 of them
BYTES = {"F32": 4, "I32": 4, "F16": 2}
EDITED = Size(4096, bits_per_weight=1.5, bytes_on_disk=7)


def checkpoint(folder: Path, kind: str, tensors: dict[str, tuple[str, list[int]]], parent: Parent | None) -> Manifest:
    """A folder with weights, and a manifest whose size was edited by hand."""
    header, end = {}, 0
    for name, (dtype, (rows, columns)) in tensors.items():
        start, end = end, end + rows * columns * BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": [rows, columns], "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    manifest = Manifest(kind, folder.name, parent, {}, content_hash(folder), 0, hardware(), 1.0, size=EDITED)
    write_manifest(folder, manifest)
    return manifest


def evaluation(run: Path, manifest: Manifest) -> Path:
    """The folder of an evaluation of a rung, with the manifest that a ladder writes."""
    folder = run / "evaluations" / manifest.name
    folder.mkdir(parents=True)
    parent = Parent(manifest.name, manifest.content)
    write_manifest(folder, dataclasses.replace(manifest, kind="evaluation", parent=parent, size=None))
    return folder


def test_a_size_that_was_edited_in_a_manifest_is_not_shown(tmp_path):
    base = checkpoint(tmp_path / "checkpoints/base", "base", WHOLE, None)
    quantised = checkpoint(tmp_path / "checkpoints/gptq4", "gptq", PACKED, Parent("base", base.content))
    bits = {}
    for manifest in (base, quantised):
        origin = read_origin(evaluation(tmp_path, manifest), {})
        weights = tmp_path / "checkpoints" / manifest.name / "model.safetensors"
        assert origin.size_mb == weights.stat().st_size / 1e6
        bits[manifest.name] = origin.bits_per_weight
    assert bits == {"base": 32, "gptq4": 4 + 16 / 32}


def test_without_the_weights_of_the_parent_its_number_of_parameters_is_the_manifest_s(tmp_path):
    manifest = checkpoint(tmp_path / "gptq4", "gptq", PACKED, Parent("base", "elsewhere"))
    assert measured_size(tmp_path / "gptq4", manifest, None).bits_per_weight == 4.5
    assert measured_size(tmp_path / "gptq4", dataclasses.replace(manifest, size=None), None) is None


def test_without_weights_the_size_is_the_manifest_s(tmp_path):
    manifest = checkpoint(tmp_path / "checkpoints/gptq4", "gptq", PACKED, Parent("base", "elsewhere"))
    (tmp_path / "checkpoints/gptq4/model.safetensors").unlink()
    assert read_origin(evaluation(tmp_path, manifest), {}).bits_per_weight == EDITED.bits_per_weight


@pytest.mark.parametrize("size", [0, 9, 60])
def test_broken_weights_have_no_size(tmp_path, size):
    manifest = checkpoint(tmp_path / "checkpoints/sft", "sft", WHOLE, Parent("base", "elsewhere"))
    (tmp_path / "checkpoints/sft/model.safetensors").write_bytes(bytes([1]) * size)
    assert read_origin(evaluation(tmp_path, manifest), {}).size_mb is None
