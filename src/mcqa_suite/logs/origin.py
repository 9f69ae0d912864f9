"""What the manifests near a run say of its model: its name, size and speed, and what it was made from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.files import MANIFEST, inside
from mcqa_suite.common.speed import NO_SPEED, Speed
from mcqa_suite.stats import Estimate

if TYPE_CHECKING:
    from mcqa_suite.common.manifest import Manifest, Parent, Size

BITS = {"int8": 8, "nf4": 4, "fp4": 4}  # of bitsandbytes' formats


@dataclass(frozen=True)
class Origin:
    """`checkpoint` is the content hash of the weights; `parents` are what they were made from, the nearest first.

    `kind` is the stage that made it ("sft", "gptq", ...), `bits` to how many it was quantised, `source` the model that a base was
    read from, `rows` how many rows a stage read, `reward_accuracy` that on the pairs that the stage kept from training. All but
    the name is None or empty where no manifest says it. `notes` has a line for each manifest that cannot be used.
    """

    name: str
    checkpoint: str | None = None
    parents: tuple[Parent, ...] = ()
    bits_per_weight: float | None = None
    size_mb: float | None = None
    speed: Speed = NO_SPEED
    kind: str = ""
    bits: int | None = None
    source: str = ""
    rows: int = 0
    reward_accuracy: Estimate | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Manifests:
    """Reads the manifests of folders, and collects what is wrong with them."""

    notes: dict[str, None] = field(default_factory=dict)

    def of(self, folder: Path) -> Manifest | None:
        """The manifest of a folder; None where it has none that can be used."""
        if not (folder / MANIFEST).is_file():
            return None
        from mcqa_suite.common.manifest import read_manifest  # pydantic is 9 MB that most logs do not need

        try:
            return read_manifest(folder)
        except CheckpointError as error:
            self.notes[str(error)] = None
            return None


def read_origin(folder: Path, model_args: Mapping[str, Any], speed: Speed = NO_SPEED) -> Origin:
    """The origin of a run, from the manifest in its `folder`, which a ladder writes, else from the evaluated checkpoint's.

    `speed` is that of the run's results.
    """
    manifests = _Manifests()
    origin = _origin(folder, model_args, speed, manifests)
    return replace(origin, notes=tuple(manifests.notes))


def _origin(folder: Path, model_args: Mapping[str, Any], speed: Speed, manifests: _Manifests) -> Origin:
    run = manifests.of(folder)
    if run is None:
        name = Path(os.path.abspath(folder)).name  # a link keeps its own name
        path = model_args.get("peft") or model_args.get("pretrained")
        checkpoint = manifests.of(Path(str(path))) if path else None
        if not checkpoint:
            return Origin(name, speed=speed)
        return _of_checkpoint(name, checkpoint, Path(str(path)).resolve(), speed, manifests)
    # A ladder's figure counts all processes of the evaluation.
    speed = replace(speed, tokens_per_second=run.tokens_per_second or speed.tokens_per_second)
    if run.parent is None:
        return _of_checkpoint(run.name, run, folder.resolve(), speed, manifests)
    weights = inside(folder.resolve().parent.parent / "checkpoints", run.name)
    checkpoint = manifests.of(weights)
    if checkpoint is None or checkpoint.content != run.parent.content:
        return Origin(run.name, run.parent.content, speed=speed)
    return _of_checkpoint(run.name, checkpoint, weights, speed, manifests)


def _of_checkpoint(name: str, manifest: Manifest, folder: Path, speed: Speed, manifests: _Manifests) -> Origin:
    size = _size(folder, manifest, manifests)
    return Origin(
        name,
        manifest.content,
        tuple(_parents(manifest, folder.parent, manifests)),
        size.bits_per_weight if size else None,
        size.bytes_on_disk / 1e6 if size else None,
        speed,
        manifest.kind,
        _bits(manifest),
        str(manifest.settings.get("base") or ""),
        sum(data.n for data in manifest.data) - (manifest.left_out.n if manifest.left_out else 0) - _held_out(manifest),
        _reward_accuracy(manifest),
    )


def _held_out(manifest: Manifest) -> int:
    """How many of the rows were kept from training to measure it; those of other sources are no part of `data`."""
    counts = (manifest.metrics.get(name) for name in ("held_out_pairs", "validation_rows"))
    return 0 if manifest.validation else next((int(n) for n in counts if isinstance(n, int | float)), 0)


def _reward_accuracy(manifest: Manifest) -> Estimate | None:
    keys = ("reward_accuracy", "reward_accuracy_low", "reward_accuracy_high", "held_out_pairs")
    if not all(isinstance(manifest.metrics.get(key), int | float) for key in keys):
        return None
    value, low, high, n = (manifest.metrics[key] for key in keys)
    return Estimate(value, low, high, n)


def _size(folder: Path, manifest: Manifest, manifests: _Manifests) -> Size | None:
    """The size of the checkpoint in a folder; None where its files are broken."""
    from mcqa_suite.common.checkpoints import measured_size

    parent = inside(folder.parent, manifest.parent.name) if manifest.parent else None
    above = manifests.of(parent) if parent else None
    try:
        same = above and manifest.parent and above.content == manifest.parent.content
        return measured_size(folder, manifest, parent if same else None)
    except CheckpointError:
        return None


def _bits(manifest: Manifest) -> int | None:
    bits = manifest.settings.get("bits") or BITS.get(str(manifest.settings.get("format")))
    return bits if isinstance(bits, int) else None


def _parents(manifest: Manifest, folder: Path, manifests: _Manifests) -> Iterator[Parent]:
    """What a checkpoint was made from, as far as the checkpoints beside it in `folder` are the ones that its manifest names."""
    seen = {manifest.content}
    while manifest.parent and manifest.parent.content not in seen:
        yield manifest.parent
        seen.add(manifest.parent.content)
        above = manifests.of(inside(folder, manifest.parent.name))
        if above is None or above.content != manifest.parent.content:
            return
        manifest = above
