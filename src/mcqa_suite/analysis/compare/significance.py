"""The only rule of the package for which differences are significant, and the verdict that follows from it.

A difference is marked `*` where its Holm-corrected p is under .05. It is never marked where a health check failed, or where
neither of its two scores is above chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan

from mcqa_suite.analysis.compare.result import Change, Comparison, ComparisonRow, Family, Verdict
from mcqa_suite.stats import benjamini_hochberg, holm

LEVEL = 0.05


def is_at_chance(row: ComparisonRow) -> bool:
    """Whether neither score is above chance: both 95 % intervals reach down to it."""
    return row.chance is not None and max(row.change.base.low, row.change.variant.low) <= row.chance


def is_significant(row: ComparisonRow | None) -> bool:
    """Whether the difference gets a mark."""
    return row is not None and row.verdict in ("worse", "better") and row.p_holm is not None


def mark(row: ComparisonRow | None) -> str:
    return " *" if is_significant(row) else ""


def with_verdicts(rows: Sequence[ComparisonRow], margin: float) -> tuple[list[ComparisonRow], tuple[Family, ...]]:
    """Add corrected p-values and verdicts; also returns the families over which p-values were corrected.

    A family is the task x variant rows of one metric and one filter. Groups, whose documents are those of their tasks, form
    families of their own; rows that are broken or a noise floor are in none.
    """
    families: dict[tuple[str, str, str], list[ComparisonRow]] = {}
    for row in rows:
        if row.verdict != "broken" and row.kind != "noise floor":
            families.setdefault((row.kind, row.metric, row.filter), []).append(row)
    corrected: dict[int, tuple[float, float]] = {}
    for members in families.values():
        p_values = [row.change.p for row in members]
        corrected |= zip(map(id, members), zip(holm(p_values), benjamini_hochberg(p_values), strict=True), strict=True)
    judged = []
    for row in rows:
        p_holm, p_bh = corrected.get(id(row), (None, None))
        word = (
            "broken" if row.verdict == "broken" else _verdict(row, row.change.p if p_holm is None else p_holm, margin)
        )
        judged.append(replace(row, p_holm=p_holm, p_bh=p_bh, verdict=word))
    return judged, tuple(Family(*key, len(members)) for key, members in families.items())


def _verdict(row: ComparisonRow, p_corrected: float, margin: float) -> Verdict:
    """In this order: worse or better (the corrected p is under .05; "at chance" where neither score is above it), equivalent
    (two one-sided tests at the margin), underpowered (a difference of the margin would be missed more than one time in five),
    no detectable change."""
    change: Change = row.change
    if isnan(p_corrected):
        return "underpowered"
    if p_corrected < LEVEL:
        return "at chance" if is_at_chance(row) else "worse" if change.difference.value < 0 else "better"
    if change.p_equivalent < LEVEL:
        return "equivalent"
    return "underpowered" if change.mde > margin else "no detectable change"


def family_text(families: Iterable[Family]) -> str:
    """Name the families: 12 rows of tasks (acc), 2 rows of groups (acc), 3 rows of tasks (exact_match, filter strict)."""
    return (
        ", ".join(
            f"{family.rows} row{'s' * (family.rows != 1)} of {family.kind}s "
            f"({family.metric}{'' if family.filter == 'none' else f', filter {family.filter}'})"
            for family in families
        )
        or "no row"
    )


def exit_code(comparison: Comparison) -> int:
    """1 where anything is worse; 2 where something could not be judged (underpowered, at chance, broken); else 0."""
    words = {row.verdict for row in comparison.rows if row.kind != "noise floor"}
    if "worse" in words:
        return 1
    return 2 if words & {"underpowered", "at chance", "broken"} else 0
