"""The front matter of a model card, in the hub's keys."""

from __future__ import annotations

from typing import Any

from mcqa_suite.common.manifest import Manifest
from mcqa_suite.reporting.model_card.facts import Facts
from mcqa_suite.reporting.model_card.scores import model_index

# Source of training rows -> its data set on the hub; the other sources are files, or made on the spot.
DATA_SETS = {
    "sciq": "allenai/sciq",
    "arc": "allenai/ai2_arc",
    "openbookqa": "allenai/openbookqa",
    "mmlu_auxiliary": "cais/mmlu",
    "aqua_rat": "deepmind/aqua_rat",
    "math_qa": "regisss/math_qa",
    "gsm8k": "openai/gsm8k",
    "gsm_symbolic": "apple/GSM-Symbolic",
    "theorem_qa": "TIGER-Lab/TheoremQA",
}
METHODS = {"bnb": "bitsandbytes"}  # kind of stage -> the hub's tag, where it has another name


def front_matter(facts: Facts) -> dict[str, Any]:
    """The keys whose values are known. `datasets` are those of all stages since the base."""
    manifest, base = facts.manifest, facts.base
    trained = [stage for stage in facts.line if stage.parent]
    sets = dict.fromkeys(name for stage in reversed(trained) for name in data_sets(stage))
    front: dict[str, Any] = {
        "license": facts.licence,
        "library_name": "peft" if manifest.adapter else "transformers",
        "pipeline_tag": "text-classification" if manifest.kind == "reward" else "text-generation",
        "base_model": base and base[0],
        "base_model_relation": base and base[1],
        "datasets": list(sets),
        "tags": tags(manifest),
        "model-index": model_index(manifest.name, facts.scores) if facts.scores else [],
    }
    return {key: value for key, value in front.items() if value}


def data_sets(manifest: Manifest) -> list[str]:
    """The data sets of the hub that a stage read."""
    return [
        DATA_SETS[data.name] for data in manifest.data if data.name in DATA_SETS and not _of_file(manifest, data.name)
    ]


def _of_file(manifest: Manifest, source: str) -> bool:
    """Whether all entries of a source name a file in its place."""
    entries = [entry for key in ("data", "calibration") for entry in manifest.settings.get(key) or ()]
    own = [entry for entry in entries if isinstance(entry, dict) and entry.get("source") == source]
    return bool(own) and all(entry.get("path") for entry in own)


def tags(manifest: Manifest) -> list[str]:
    bits = manifest.settings.get("bits")
    names = [
        "mcqa-suite",
        METHODS.get(manifest.kind, manifest.kind),
        f"{bits}-bit" if bits else manifest.settings.get("format") if manifest.kind == "bnb" else None,
        "lora" if manifest.adapter or manifest.settings.get("lora") else None,
        "trl" if "trl" in manifest.versions else None,
    ]
    return [str(name) for name in names if name and name != "base"]
