"""The data of a stage in its model card: sources with counts, and the rows that were left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcqa_suite.common.manifest import Data, Manifest
from mcqa_suite.reporting.audits import StageAudit
from mcqa_suite.reporting.model_card.front import DATA_SETS
from mcqa_suite.reporting.tables import Table

RULES = {"drop": "they were dropped", "allow": "they were allowed", "stop": "the rule was to stop"}
SHOWN_TASKS = 6


def data_table(manifest: Manifest) -> Table | None:
    """A row a source; None for a stage that read none."""
    entries = [entry for key in ("data", "calibration") for entry in manifest.settings.get(key) or ()]
    entries = entries if len(entries) == len(manifest.data) else [{}] * len(manifest.data)
    rows = [_cells(data, entry) for data, entry in zip(manifest.data, entries, strict=True)]
    rows += [[*_cells(data, {})[:3], "measured on", f"{data.n:,}"] for data in manifest.validation]
    header = ("source", "data set", "split", "style", "rows")
    return Table("", header, rows, left=4).without_empty_columns() if rows else None


def _cells(data: Data, entry: Any) -> list[str]:
    entry = entry if isinstance(entry, Mapping) else {}
    data_set = "" if entry.get("path") else DATA_SETS.get(data.name, "")
    link = (
        f"[{data_set}](https://huggingface.co/datasets/{data_set})"
        if data_set
        else "own file"
        if entry.get("path")
        else ""
    )
    return [data.name, link, str(entry.get("split") or ""), str(entry.get("style") or ""), f"{data.n:,}"]


def data_notes(manifest: Manifest, audit: StageAudit | None) -> list[str]:
    """What became of the rows: left out, too long, kept to measure with."""
    total, lines = sum(data.n for data in manifest.data), []
    if audit:
        lines.append(_audited(audit))
    if manifest.left_out:
        n, reason = (
            manifest.left_out.n,
            "they hold questions of the evaluation" if audit else "a list of rows names them",
        )
        lines.append(f"{n:,} of {total:,} rows were left out: {reason}. {manifest.left_out.remaining:,} were seen.")
    elif not audit:
        lines.append("The rows were not searched for questions of the evaluation.")
    counts = {
        "rows_too_long": "rows were left out because they are too long",
        "validation_rows": "rows were kept to measure the training",
        "held_out_pairs": "pairs were kept to measure the training",
    }
    lines += [f"{manifest.metrics[key]:,} {words}." for key, words in counts.items() if manifest.metrics.get(key)]
    return lines


def _audited(audit: StageAudit) -> str:
    searched = f"The rows were searched for the questions of {len(audit.documents):,} tasks"
    if not audit.items:
        return f"{searched}: none is in them."
    most = sorted(audit.items.items(), key=lambda item: -item[1])
    names = [f"{n:,} of `{task}`" for task, n in most[:SHOWN_TASKS]]
    names += [f"those of {len(most) - SHOWN_TASKS} more tasks"] if len(most) > SHOWN_TASKS else []
    return f"{searched}, and some are in them; {RULES.get(audit.leaks, audit.leaks)}: {', '.join(names)}."
