"""What a model card is made of: the checkpoint's manifest, those of what it was made from, its audit and its scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from mcqa_suite.common.checkpoints import HUB_NAME, QUANTISED
from mcqa_suite.common.config import YAML_ERRORS, check_extent
from mcqa_suite.common.errors import CheckpointError
from mcqa_suite.common.files import inside, read_text
from mcqa_suite.common.manifest import Manifest, Parent, read_manifest
from mcqa_suite.reporting.audits import StageAudit, read_audit
from mcqa_suite.reporting.model_card.merge import split_front
from mcqa_suite.reporting.model_card.scores import Scores

README = "README.md"
FLOATS = ("F32", "F16", "BF16")  # in a GGUF file
# The name of a packaged base -> its name on the hub, and its licence.
PACKAGED = {"smollm2-135m-instruct": ("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0")}


@dataclass(frozen=True)
class Facts:
    """`ancestors`: the manifests of what a checkpoint was made from, the nearest first, as far as their folders are here.

    `licence`: what the nearest ancestor's card says, of a base its own, or is known of a packaged base.
    `base_model`: the hub's name of the parent, where the user gives it.
    """

    manifest: Manifest
    ancestors: tuple[Manifest, ...] = ()
    audit: StageAudit | None = None
    licence: str | None = None
    scores: Scores | None = None
    base_model: str | None = None

    @property
    def repository(self) -> str:
        """What stands for the checkpoint's name on the hub, until it is pushed."""
        return f"USER/{self.manifest.name}"

    @property
    def line(self) -> tuple[Manifest, ...]:
        return (self.manifest, *self.ancestors)

    @property
    def base(self) -> tuple[str, str] | None:
        """The nearest model that it was made from and that is on the hub, and the hub's word for the relation; None without one.

        The relation is that of all stages between: a quantised model of a fine-tuned one is a fine-tune of the base. It is ""
        for a base that was only copied. "merge" is the hub's word for a mix of several models, which no stage makes.
        """
        if name := self.base_model or hub_name(self.manifest):
            return name, relation(self.manifest)
        for index, ancestor in enumerate(self.ancestors):
            if name := hub_name(ancestor):
                stages = self.line[: index + 1]
                alike = {relation(stage) for stage in stages}
                return name, alike.pop() if len(alike) == 1 else "finetune"
        return None


def relation(manifest: Manifest) -> str:
    """The hub's word for how a checkpoint relates to its parent, or a converted base to the model on the hub; "" for a copy."""
    if manifest.parent is None:
        return "quantized" if dequantised_from(manifest) else ""
    return "adapter" if manifest.adapter else "quantized" if manifest.kind in QUANTISED else "finetune"


def dequantised_from(manifest: Manifest) -> str:
    """The type of the weights in the GGUF file of a base, such as Q4_1; "" where they were not quantised."""
    quantisation = str((manifest.settings.get("gguf") or {}).get("quantisation") or "")
    return "" if quantisation in FLOATS else quantisation


def hub_name(manifest: Manifest) -> str | None:
    """The name on the hub of the model that a base is; None for a folder, and for a stage."""
    base = str(manifest.settings.get("base") or "")
    if base in PACKAGED:
        return PACKAGED[base][0]
    owner_and_name = "/".join(base.split("/")[:2])  # of OWNER/NAME/FILE.gguf
    return owner_and_name if manifest.parent is None and HUB_NAME.fullmatch(owner_and_name) else None


def read_facts(folder: Path, *parents: Path, base_model: str | None = None, run_folder: Path | None = None) -> Facts:
    """The facts of the checkpoint in a folder; what it was made from is one of `parents`, or lies beside one or beside it.

    The audit is that in `run_folder`, by default two folders above.

    CheckpointError where it has no manifest, or that of an evaluation.
    """
    manifest = read_manifest(folder)
    if manifest.kind == "evaluation":
        raise CheckpointError(f"{folder}: an evaluation; give the folder of the checkpoint")
    folders = [*parents, *(path.resolve().parent for path in (*parents, folder))]
    ancestors: list[Manifest] = []
    licence: str | None = None
    above = manifest
    if manifest.parent is None:
        licence = _licence(folder, manifest)
    while above.parent and (located := _locate(above.parent, folders)) and located[1] not in ancestors:
        path, above = located
        ancestors.append(above)
        licence = licence or _licence(path, above)
    audit = read_audit(run_folder or folder.resolve().parent.parent, manifest.name)
    if audit and audit.data != manifest.data:
        audit = None  # of rows that another recipe gave a stage of this name
    return Facts(manifest, tuple(ancestors), audit, licence, base_model=base_model)


def _locate(parent: Parent, folders: Iterable[Path]) -> tuple[Path, Manifest] | None:
    for folder in folders:
        for path in (folder, inside(folder, parent.name)):
            try:
                manifest = read_manifest(path)
            except CheckpointError:
                continue
            if manifest.content == parent.content:
                return path, manifest
    return None


def _licence(folder: Path, manifest: Manifest) -> str | None:
    try:
        text = split_front(read_text(folder / README))[0]
        check_extent(text)
        front = yaml.safe_load(text)
    except (OSError, *YAML_ERRORS):
        front = None
    named = front.get("license") if isinstance(front, dict) else None
    packaged = PACKAGED.get(str(manifest.settings.get("base")))
    return named if isinstance(named, str) else packaged and packaged[1]
