"""The package's only rule for which differences are significant, and for verdicts.

A difference is marked `*` if its Holm-corrected p is under .05, no health check failed, and a score is above chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan

from mcqa_suite.analysis.compare.result import Comparison, ComparisonRow, Family, Verdict
from mcqa_suite.stats import benjamini_hochberg, holm

LEVEL = 0.05


def is_at_chance(row: ComparisonRow) -> bool:
    """Whether the 95 % intervals of both scores include chance or lie below it."""
    return row.chance is not None and max(row.change.base.low, row.change.variant.low) <= row.chance


def is_significant(row: ComparisonRow | None) -> bool:
    """Whether the difference is marked `*`."""
    return row is not None and row.verdict in ("worse", "better") and row.p_holm is not None


def mark(row: ComparisonRow | None) -> str:
    return " *" if is_significant(row) else ""


def with_verdicts(rows: Sequence[ComparisonRow], margin: float) -> tuple[list[ComparisonRow], tuple[Family, ...]]:
    """Add corrected p-values and verdicts; also return the families over which p-values were corrected.

    A family is the task x variant rows of one metric and one filter. Groups share documents with their tasks, so they form
    separate families. Rows that are not valid and noise floors are in no family.
    """
    families: dict[tuple[str, str, str], list[ComparisonRow]] = {}
    for row in rows:
        if row.verdict != "not valid" and row.kind != "noise floor":
            families.setdefault((row.kind, row.metric, row.filter), []).append(row)
    corrected: dict[int, tuple[float, float]] = {}
    for members in families.values():
        p_values = [row.change.p for row in members]
        corrected |= zip(map(id, members), zip(holm(p_values), benjamini_hochberg(p_values), strict=True), strict=True)
    judged = []
    for row in rows:
        p_holm, p_bh = corrected.get(id(row), (None, None))
        verdict = _verdict(row, row.change.p if p_holm is None else p_holm, margin)
        judged.append(replace(row, p_holm=p_holm, p_bh=p_bh, verdict=verdict))
    return judged, tuple(Family(*key, len(members)) for key, members in families.items())


def _verdict(row: ComparisonRow, p_corrected: float, margin: float) -> Verdict:
    """The first that applies: not valid; worse, better or at chance (corrected p < .05); equivalent (two one-sided tests);
    underpowered (less than 80 % power for a difference of the margin); no detectable change."""
    change = row.change
    if row.verdict == "not valid":
        return "not valid"
    if isnan(p_corrected):
        return "underpowered"
    if p_corrected < LEVEL:
        return "at chance" if is_at_chance(row) else "worse" if change.difference.value < 0 else "better"
    if change.p_equivalent < LEVEL:
        return "equivalent"
    return "underpowered" if change.mde > margin else "no detectable change"


def family_text(families: Iterable[Family]) -> str:
    """Describe the families: "12 rows of tasks (acc), 3 rows of groups (exact_match, filter strict)"."""
    return (
        ", ".join(
            f"{family.rows} row{'s' * (family.rows != 1)} of {family.kind}s "
            f"({family.metric}{'' if family.filter == 'none' else f', filter {family.filter}'})"
            for family in families
        )
        or "no row"
    )


def exit_code(comparison: Comparison) -> int:
    """1 if any row is worse; else 2 if any is underpowered, at chance or not valid; else 0."""
    words = {row.verdict for row in comparison.rows if row.kind != "noise floor"}
    if "worse" in words:
        return 1
    return 2 if words & {"underpowered", "at chance", "not valid"} else 0
