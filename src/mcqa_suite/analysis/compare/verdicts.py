"""The package's only rule for verdicts and for which differences are significant; docs/verdicts.md explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil, floor, isfinite, log10

from mcqa_suite.analysis.compare.result import ComparisonRow, Family, Verdict
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.stats import benjamini_hochberg, holm

LEVEL = 0.05
MEANING: Mapping[Verdict, str] = {
    "not valid": "a check failed, so that the scores cannot be trusted",
    "worse": "significantly worse (lower, or higher where lower is better), after Holm's correction",
    "better": "significantly better, after Holm's correction",
    "unchanged": "no answer changed",
    "equivalent": "two one-sided tests, each at .05 and not corrected, show that the difference is within the margin",
    "undecided": "neither a difference nor its absence is shown",
}


def with_verdicts(rows: Sequence[ComparisonRow], margin: float) -> tuple[list[ComparisonRow], tuple[Family, ...]]:
    """Add corrected p-values, detectable differences and verdicts; also return the families that were corrected together.

    A family is the task x variant rows of one metric and one filter. Groups share documents with their tasks, so they form
    separate families. Rows that are not valid and noise floors are in no family. `margin` is a fraction of 1.
    """
    families = _families(rows, _family)
    counted = tuple(Family(kind, metric, name, len(members)) for (kind, metric, name), members in families.items())
    return _judged(rows, families.values(), margin), counted


def verdicts_of_each(rows: Sequence[ComparisonRow], margin: float) -> list[ComparisonRow]:
    """The rows with the verdicts of a gate, which corrects over the tasks of each variant alone.

    Otherwise a harmful variant would pass because harmless ones are compared beside it.
    """
    families = _families(rows, lambda row: (*_family(row), row.variant))
    return _judged(rows, families.values(), margin)


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
        settles = questions_to_settle(new, margin)
        judged.append(replace(new, verdict=_verdict(new), questions_to_settle=settles))
    return judged


def _verdict(row: ComparisonRow) -> Verdict:
    """The first that applies. Without a corrected p, of a noise floor, the p of the row alone decides."""
    p = row.change.p if row.p_holm is None else row.p_holm
    if row.verdict == "not valid":
        return "not valid"
    if p < LEVEL:
        return "worse" if row.gain < 0 else "better"
    if row.change.no_change:
        return "unchanged"
    return "equivalent" if is_within_margin(row) else "undecided"


def is_within_margin(row: ComparisonRow) -> bool:
    """Whether the difference is shown to be within the margin, which is in points: never for a metric that is no share."""
    return is_share(row.metric) and row.change.p_equivalent < LEVEL


def questions_to_settle(row: ComparisonRow, margin: float) -> int | None:
    """How many questions would show equivalence if nothing was lost or gained; None where the margin does not apply.

    At the rate of changed answers that was seen. Two significant digits, rounded up.
    """
    if not is_share(row.metric):
        return None
    return rounded_up(row.change.power.questions(row.change.questions, margin, both_sides=True))


def rounded_up(value: float) -> int | None:
    """A number with two significant digits; None for one that is not finite."""
    if not isfinite(value):
        return None
    step = 10 ** max(0, floor(log10(max(value, 1))) - 1)
    return int(ceil(value / step) * step)


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


def verdict_words(row: ComparisonRow) -> str:
    """The verdict as tables show it: "worse, though by less than the margin"."""
    if row.verdict in ("worse", "better") and is_within_margin(row):
        return f"{row.verdict}, though by less than the margin"
    return row.verdict


def bound_words(row: ComparisonRow) -> str:
    """loses at most 2.7 points, or gains at least 0.4 points"""
    return loss_words(row.bound, row.metric)


def loss_words(bound: float, metric: str) -> str:
    """A bound of a gain in words; "" where there is none."""
    if not isfinite(bound):
        return ""
    amount = f"{100 * abs(bound):.1f} points" if is_share(metric) else f"{abs(bound):.4g}"
    return f"gains at least {amount}" if bound > 0 else f"loses at most {amount}"


def settling_words(row: ComparisonRow, margin: float) -> str:
    """What would settle an undecided row: "about 3,000 questions for ±1 point"; "" for any other."""
    if row.verdict != "undecided" or row.questions_to_settle is None:
        return ""
    points = f"{100 * margin:g} point{'s' * (100 * margin != 1)}"
    return f"about {row.questions_to_settle:,} questions for ±{points}"


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
