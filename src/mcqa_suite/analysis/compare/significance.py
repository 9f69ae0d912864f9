"""The package's only rule for which differences are significant, and for verdicts.

A difference is marked `*` if its Holm-corrected p is under .05, no health check failed, and a score is above chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import isnan

from mcqa_suite.analysis.compare.result import Comparison, ComparisonRow, Family, Verdict
from mcqa_suite.logs.metrics import is_share
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


def against_best(p_values: Sequence[float], models: int) -> list[float]:
    """p-values of the best of some models against others, corrected over every pair of models (Bonferroni).

    The best was chosen because its score is the largest, so a correction over its own comparisons alone is too small.
    """
    pairs = models * (models - 1) / 2
    return [min(1.0, p * pairs) for p in p_values]


def with_verdicts(rows: Sequence[ComparisonRow], margin: float) -> tuple[list[ComparisonRow], tuple[Family, ...]]:
    """Add corrected p-values, detectable differences and verdicts; also return the families that were corrected together.

    A family is the task x variant rows of one metric and one filter. Groups share documents with their tasks, so they form
    separate families. Rows that are not valid and noise floors are in no family.
    """
    families = _families(rows, _family)
    counted = tuple(Family(kind, metric, name, len(members)) for (kind, metric, name), members in families.items())
    return _judged(rows, families.values(), margin), counted


def gate_rows(comparison: Comparison) -> list[ComparisonRow]:
    """The rows with the verdicts of a gate, which corrects over the tasks of each variant alone.

    Otherwise a harmful variant would pass because harmless ones are compared beside it.
    """
    families = _families(comparison.rows, lambda row: (*_family(row), row.variant))
    return _judged(comparison.rows, families.values(), comparison.margin)


def _family(row: ComparisonRow) -> tuple[str, ...]:
    return row.kind, row.metric, row.filter


def _families(
    rows: Iterable[ComparisonRow], key: Callable[[ComparisonRow], tuple[str, ...]]
) -> dict[tuple[str, ...], list[ComparisonRow]]:
    families: dict[tuple[str, ...], list[ComparisonRow]] = {}
    for row in rows:
        if row.verdict != "not valid" and row.kind != "noise floor":
            families.setdefault(key(row), []).append(row)
    return families


def _judged(
    rows: Sequence[ComparisonRow], families: Iterable[Sequence[ComparisonRow]], margin: float
) -> list[ComparisonRow]:
    """The rows with p-values corrected within each family, the difference that this level detects, and verdicts."""
    corrected: dict[int, tuple[float | None, float | None, int]] = {}
    for members in families:
        p_values = [row.change.p for row in members]
        for row, *p_corrected in zip(members, holm(p_values), benjamini_hochberg(p_values), strict=True):
            corrected[id(row)] = (p_corrected[0], p_corrected[1], len(members))
    judged = []
    for row in rows:
        p_holm, p_bh, tests = corrected.get(id(row), (None, None, 1))
        new = replace(row, p_holm=p_holm, p_bh=p_bh, detectable=row.change.power.detectable(LEVEL / tests))
        judged.append(replace(new, verdict=_verdict(new, margin)))
    return judged


def _verdict(row: ComparisonRow, margin: float) -> Verdict:
    """The first that applies: not valid; worse, better or at chance (corrected p < .05); equivalent (two one-sided tests);
    underpowered (less than 80 % power for a difference of the margin); no detectable change. The margin is in points, so that
    a metric that is no share is neither equivalent nor underpowered."""
    change = row.change
    p_corrected = change.p if row.p_holm is None else row.p_holm
    if row.verdict == "not valid":
        return "not valid"
    if isnan(p_corrected):
        return "underpowered"
    if p_corrected < LEVEL:
        return "at chance" if is_at_chance(row) else "worse" if row.gain < 0 else "better"
    if not is_share(row.metric):  # the margin is one of shares
        return "no detectable change"
    if change.p_equivalent < LEVEL:
        return "equivalent"
    return "underpowered" if row.detectable > margin else "no detectable change"


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
    """2 if a run or task is missing or cannot be trusted; else 1 if any row is worse by the gate's families; else 2 if any is
    underpowered, at chance or not valid; else 0."""
    if comparison.incomplete or comparison.problems:
        return 2
    words = {row.verdict for row in gate_rows(comparison) if row.kind != "noise floor"}
    if "worse" in words:
        return 1
    return 2 if words & {"underpowered", "at chance", "not valid"} else 0


def gate_text(comparison: Comparison) -> list[str]:
    """A line for each row that is worse by the gate's families, though not in the table."""
    return [
        f"{row.variant}: {row.title}: worse (p Holm {row.p_holm:.4f}, corrected over the tasks of {row.variant} alone)"
        for row, shown in zip(gate_rows(comparison), comparison.rows, strict=True)
        if row.verdict == "worse" and shown.verdict != "worse"
    ]
