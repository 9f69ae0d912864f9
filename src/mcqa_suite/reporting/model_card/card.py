"""A checkpoint's model card: a pure function of its facts, written through templates/card.md.j2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml

from mcqa_suite.common.manifest import Manifest
from mcqa_suite.reporting.estimates import duration
from mcqa_suite.reporting.lineage_tree import STAGES, listed
from mcqa_suite.reporting.model_card.data import data_notes, data_table
from mcqa_suite.reporting.model_card.facts import Facts, dequantised_from, hub_name
from mcqa_suite.reporting.model_card.front import front_matter
from mcqa_suite.reporting.model_card.loading import loading
from mcqa_suite.reporting.model_card.merge import Card, marked, split_sections
from mcqa_suite.reporting.model_card.scores import score_table
from mcqa_suite.reporting.tables import markdown
from mcqa_suite.reporting.templating import template

# Settings that the sections of the data and of the seed show
SHOWN_ELSEWHERE = ("data", "calibration", "validation", "seed", "leave_out", "leaks")
# Measures of a stage that its card shows, and their digits
MEASURES = {
    "steps": 0,
    "loss": 4,
    "mean_token_accuracy": 4,
    "validation_loss": 4,
    "validation_token_accuracy": 4,
    "mean_layer_loss": 5,
    "reward_accuracy": 3,
}


def model_card(facts: Facts) -> Card:
    """Front matter and sections; the text of a section has no heading of its level inside."""
    manifest, scores = facts.manifest, facts.scores
    data = data_table(manifest)
    text = template("card.md.j2").render(
        manifest=manifest,
        summary=_summary(facts),
        lineage=[_step(stage) for stage in reversed(facts.line)],
        data=data and markdown(data),
        data_notes=data_notes(manifest, facts.audit),
        settings=_settings(manifest),
        measured=_measured(manifest),
        notes=list(_notes(manifest)),
        hardware=list(_hardware(manifest)),
        results=scores and scores.scored and markdown(score_table(scores)),
        loading=loading(facts),
        limits=list(_limits(facts)),
    )
    return Card(front_matter(facts), {key: marked(section) for key, section in split_sections(text).items()})


def _summary(facts: Facts) -> str:
    manifest, size = facts.manifest, facts.manifest.size
    parent = f" of `{manifest.parent.name}`" if manifest.parent else ""
    text = f"{_how(manifest)}{parent}"
    if size:
        text += (
            f": {size.parameters / 1e6:,.1f} M parameters, {size.bits_per_weight:.2f} bits a weight, "
            f"{size.bytes_on_disk / 1e6:,.1f} MB ({size.stored or 'type of the weights not recorded'})"
        )
    return f"{text}. Made with mcqa-suite {manifest.mcqa_suite}."


def _how(manifest: Manifest) -> str:
    """A LoRA adapter by SFT, or a model quantised by GPTQ to 4 bits."""
    name = STAGES.get(manifest.kind, manifest.kind)
    if manifest.parent is None:
        quantised = dequantised_from(manifest)
        return f"A base model, dequantised from {quantised}" if quantised else "A base model"
    if manifest.kind == "merge":
        return "An adapter, merged into its parent: a fine-tune"
    if manifest.kind in ("gptq", "bnb"):
        to = manifest.settings.get("bits") or manifest.settings.get("format")
        return f"A quantised version ({name}, {to}{' bits' if isinstance(to, int) else ''})"
    what = "A LoRA adapter by" if manifest.adapter else "A fine-tune by"
    how = " (all weights)" if manifest.settings.get("full") else " (QLoRA)" if manifest.settings.get("qlora") else ""
    return f"{what} {name}{how}"


def _step(manifest: Manifest) -> str:
    """A line of the lineage."""
    if manifest.parent is None:
        source, hub = str(manifest.settings.get("base") or manifest.name), hub_name(manifest)
        gguf = manifest.settings.get("gguf") or {}
        how = "dequantised" if dequantised_from(manifest) else "converted"
        origin = f", {how} from {gguf['quantisation']} ({gguf['file']})" if gguf else ""
        link = f" ([{hub}](https://huggingface.co/{hub}))" if hub else ""
        return f"`{manifest.name}`: {source}{link}{origin}"
    rows = sum(data.n for data in manifest.data) - (manifest.left_out.n if manifest.left_out else 0)
    name = STAGES.get(manifest.kind, manifest.kind)
    bits = manifest.settings.get("bits") or manifest.settings.get("format")
    details = [f"{bits} bits" if isinstance(bits, int) else str(bits or ""), f"{rows:,} rows" if rows else ""]
    words = ", ".join(filter(None, [name, *details]))
    return f"`{manifest.name}`: {words}, from `{manifest.parent.name}` (`{manifest.parent.content[:16]}`)"


def _settings(manifest: Manifest) -> str:
    """The settings that are set, as YAML; those that another section shows are left out."""
    settings = {key: value for key, value in manifest.settings.items() if key not in SHOWN_ELSEWHERE}
    chosen = _set(settings)
    return yaml.safe_dump(chosen, sort_keys=False, allow_unicode=True).rstrip() if chosen else ""


def _set(value: Any) -> Any:
    """A JSON value without keys that are None."""
    if isinstance(value, dict):
        return {key: _set(item) for key, item in value.items() if item is not None}
    return [_set(item) for item in value] if isinstance(value, list | tuple) else value


def _measured(manifest: Manifest) -> str:
    """Measured: loss 3.3081, reward accuracy 0.790 (0.700 to 0.858) on 100 pairs."""
    metrics = manifest.metrics
    values = {name: metrics[name] for name in MEASURES if isinstance(metrics.get(name), int | float)}
    texts = [f"{name.replace('_', ' ')} {value:,.{MEASURES[name]}f}" for name, value in values.items()]
    ends = [metrics.get(f"reward_accuracy_{end}") for end in ("low", "high")]
    if "reward_accuracy" in values and None not in ends:
        texts[-1] += f" ({ends[0]:.3f} to {ends[1]:.3f}) on {metrics.get('held_out_pairs')} pairs"
    return f"Measured: {', '.join(texts)}." if texts else ""


def _notes(manifest: Manifest) -> Iterator[str]:
    if manifest.parent:
        yield f"Seed {manifest.seed}."
    if manifest.chat_template:
        yield f"Prompts of evaluations: {manifest.chat_template}."


def _hardware(manifest: Manifest) -> Iterator[str]:
    machine = manifest.hardware
    processes = f", {machine.processes} processes" if machine.processes > 1 else ""
    yield f"{machine.gpu}, " * bool(machine.gpu) + f"{machine.cpu}, {machine.cores} cores{processes}"
    yield f"{duration(manifest.seconds)} in all" + (
        f", {manifest.tokens_per_second:,.0f} tokens/s" if manifest.tokens_per_second else ""
    )
    if manifest.peak_memory_mb:
        yield f"at most {manifest.peak_memory_mb / 1000:.1f} GB of memory"
    if manifest.versions:
        yield ", ".join(f"{name} {version}" for name, version in manifest.versions.items())


def _limits(facts: Facts) -> Iterator[str]:
    manifest, scores = facts.manifest, facts.scores
    if not scores or not scores.scored:
        yield "It was not evaluated on any benchmark."
    else:
        yield "It was measured on the questions above and on nothing else: not on dialogue, safety, bias or other languages."
        if invalid := [scored.own.column.title for scored in scores.scored if scored.reason]:
            yield f"Scores that are not valid say nothing about the model: {listed(f'`{name}`' for name in invalid)}."
        if manifest.parent and scores.parent is None:
            yield "Its parent was not evaluated on the same questions, so what this stage changed is not known."
        elif undecided := sum(bool(s.own.change and s.own.change.verdict == "undecided") for s in scores.scored):
            yield f"Undecided ({undecided} of {len(scores.scored)} benchmarks) means that a loss up to the bound is possible."
    trained_on = set(front_matter(replace(facts, scores=None)).get("datasets", ()))
    if scores and (same := dict.fromkeys(s.data_set for s in scores.scored if s.data_set in trained_on)):
        yield f"Rows of {listed(map(str, same))} were used to make it: scores on its test set say little about other questions."
    if facts.licence:
        yield f"The licence, {facts.licence}, is the base's" + (
            "; the data sets have their own." if manifest.parent else "."
        )
    if manifest.adapter:
        yield "An adapter: it works only on the parent that is named above, byte for byte."
    if manifest.kind == "reward":
        yield "A reward model: it scores a response and writes none."
