"""A comparison as data: JSON and CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mcqa_suite.analysis.compare import PUBLISHED, Comparison, ComparisonRow, is_within_margin, mark
from mcqa_suite.logs.metrics import is_accuracy, is_share
from mcqa_suite.reporting.tables import change_interval, csv_text
from mcqa_suite.stats import chance_corrected_recovery, recovery

SCHEMA = "mcqa-suite/compare/1"  # rises when the meaning of a key changes


def name_of(row: ComparisonRow) -> str:
    return f"{row.variant} (noise floor)" if row.kind == "noise floor" else row.variant


def title_of(comparison: Comparison) -> str:
    if comparison.base == PUBLISHED:
        return "Against published scores"
    return f"{comparison.base} and what was made from it"


def difference_text(row: ComparisonRow) -> str:
    """-11.3 (-17.7 to -5.0) *: the difference with its interval, and a mark where it is significant."""
    return change_interval(row.change.difference, row.metric) + mark(row) + (" †" if row.change.fragile else "")


def above_chance(row: ComparisonRow) -> float | None:
    """The share of the base's accuracy above chance that the variant kept."""
    if row.chance is None:
        return None
    return chance_corrected_recovery(row.change.base.value, row.change.variant.value, row.chance)


def as_json(comparison: Comparison) -> str:
    """One object, which docs/verdicts.md describes; shares and their differences are fractions, what does not apply is null."""
    unpaired = {
        variant: {comparison.titles[key]: asdict(counts) for key, counts in tasks.items()}
        for variant, tasks in comparison.unpaired.items()
    }
    whole = {
        "schema": SCHEMA,
        "base": comparison.base,
        "margin": comparison.margin,
        "comparisons": [_record(row) for row in comparison.rows],
        "unpaired": unpaired,
        "health": [asdict(finding) for finding in comparison.health],
        "incomplete": list(comparison.incomplete),
        "problems": list(comparison.problems),
    }
    if comparison.subset:
        whole["subset"] = comparison.subset
    return json.dumps(_plain(whole), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _record(row: ComparisonRow) -> dict[str, Any]:
    change, choices = row.change, row.choices
    flips = asdict(row.flips) if row.flips else None
    return {
        "task": row.task,
        "metric": row.metric,
        "filter": row.filter,
        "higher_is_better": row.higher_is_better,
        "variant": name_of(row),
        "parent": row.parent,
        "n": row.n,
        "clusters": row.clusters,
        "clustered_by": row.clustered_by or None,
        "base": change.base.value,
        "value": change.variant.value,
        "difference": change.difference.value,
        "low": change.difference.low,
        "high": change.difference.high,
        "bound": row.bound,
        "p": change.p,
        "p_holm": row.p_holm,
        "p_mcnemar": change.p_mcnemar,
        "verdict": row.verdict,
        "within_margin": is_within_margin(row),
        "questions_to_settle": row.questions_to_settle,
        "flips": flips,
        "choice_kl": asdict(choices.kl) if choices.kl else None,
        "top_agreement": row.top_agreement,
        "ece_base": choices.ece_base,
        "ece_variant": choices.ece_variant,
        "unread_base": row.unread_base,
        "unread_variant": row.unread_variant,
        "detectable": row.detectable,
        "warnings": list(row.warnings),
        "forced": list(row.forced),
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_csv(comparison: Comparison) -> str:
    return csv_text(comparison_rows(comparison))


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One flat record a task or group, variant and metric, with every number; shares and differences are fractions of 1."""
    return [_flat_record(row, comparison) for row in comparison.rows]


def _flat_record(row: ComparisonRow, comparison: Comparison) -> dict[str, Any]:
    change, choices = row.change, row.choices
    record = _record(row)
    flips, kl = record.pop("flips") or {}, record.pop("choice_kl") or {}
    record |= {name: "; ".join(record.pop(name)) for name in ("warnings", "forced")}
    letters = (choices.letters_base, choices.letters_variant, choices.letters_gold)
    return record | {
        "kind": row.kind,
        "n_shot": row.n_shot,
        "base_low": change.base.low,
        "base_high": change.base.high,
        "value_low": change.variant.low,
        "value_high": change.variant.high,
        "boot_low": change.bootstrap and change.bootstrap.low,
        "boot_high": change.bootstrap and change.bootstrap.high,
        "method": change.method,
        "fragile": int(change.fragile),
        "p_midp": change.p_midp,
        "p_bh": row.p_bh,
        "p_equivalent": change.p_equivalent if is_share(row.metric) else None,
        **{name: flips.get(name) for name in ("right_to_wrong", "wrong_to_right", "wrong_to_wrong")},
        "direction": row.flips.direction if row.flips else None,
        **{f"kl_{name}": kl.get(name) for name in ("mean", "median", "p95", "max")},
        "jensen_shannon": choices.jensen_shannon,
        "gold_change": choices.gold_change,
        "brier_base": choices.brier_base,
        "brier_variant": choices.brier_variant,
        "chance": row.chance,
        "constant_letter": row.constant[1] if row.constant else None,
        "recovery": recovery(change.base.value, change.variant.value) if is_accuracy(row.metric) else None,
        "recovery_above_chance": above_chance(row),
        **dict(zip(("letters_base", "letters_variant", "letters_gold"), map(_letter_list, letters), strict=True)),
        "members": " ".join(row.members),
        "average": row.average,
        "left_out": " ".join(row.left_out),
        "unpaired": _unpaired(row, comparison),
    }


def _keys(row: ComparisonRow) -> list[tuple[str, str]]:
    return [(task, row.filter) for task in (*row.members, *row.left_out) or (row.task,)]


def _unpaired(row: ComparisonRow, comparison: Comparison) -> int:
    """How many documents of its tasks have no partner in the other run."""
    counts = comparison.unpaired.get(row.variant, {})
    return sum(counts[key].total for key in _keys(row) if key in counts)


def _letter_list(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.4f}" for share in shares)
