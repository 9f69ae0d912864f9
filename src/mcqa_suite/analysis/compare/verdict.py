"""One word for what a comparison shows, and an exit code for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

from mcqa_suite.analysis.compare.result import Change, Comparison, ComparisonRow, Verdict
from mcqa_suite.stats import benjamini_hochberg, holm

LEVEL = 0.05


def verdict(change: Change, p_corrected: float, margin: float) -> Verdict:
    """In this order: worse or better (the corrected p is under .05), equivalent (two one-sided tests at the margin),
    underpowered (a difference of the margin would be missed more than one time in five), no detectable change."""
    if isnan(p_corrected):
        return "underpowered"
    if p_corrected < LEVEL:
        return "worse" if change.difference.value < 0 else "better"
    if change.p_equivalent < LEVEL:
        return "equivalent"
    return "underpowered" if change.mde > margin else "no detectable change"


def with_verdicts(comparisons: Sequence[ComparisonRow], margin: float) -> tuple[list[ComparisonRow], int]:
    """With corrected p-values and verdicts, and the size of the family: every row that is neither broken nor a noise
    floor, over all tasks, groups and variants together."""
    family = [row for row in comparisons if row.verdict != "broken" and row.kind != "noise floor"]
    raw = [row.change.p for row in family]
    corrected = dict(zip(map(id, family), zip(holm(raw), benjamini_hochberg(raw), strict=True), strict=True))
    done = []
    for row in comparisons:
        p_holm, p_bh = corrected.get(id(row), (None, None))
        word = row.verdict
        if word != "broken":
            word = verdict(row.change, row.change.p if p_holm is None else p_holm, margin)
        done.append(replace(row, p_holm=p_holm, p_bh=p_bh, verdict=word))
    return done, len(family)


def exit_code(report: Comparison) -> int:
    """1 where anything is worse; 2 where something could not be judged (underpowered, broken); else 0."""
    words = {row.verdict for row in report.rows if row.kind != "noise floor"}
    if "worse" in words:
        return 1
    return 2 if words & {"underpowered", "broken"} else 0
