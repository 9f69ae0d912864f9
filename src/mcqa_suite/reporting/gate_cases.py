"""What a gate says of each row, as the test cases that a CI server shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from mcqa_suite.analysis.compare import (
    FAILED,
    NOT_JUDGED,
    PASSED,
    UNDECIDED,
    Comparison,
    ComparisonRow,
    Gate,
    Judgement,
)
from mcqa_suite.logs.settings import NO_FILTER
from mcqa_suite.reporting.comparison_data import difference_text
from mcqa_suite.reporting.tables import in_unit, unit
from mcqa_suite.reporting.verdict_table import failed_checks, verdict_cell

Outcome = Literal["passed", "failed", "undecided", "error", "skipped"]
OUTCOMES: dict[int, Outcome] = {NOT_JUDGED: "error", FAILED: "failed", UNDECIDED: "undecided", PASSED: "passed"}


@dataclass(frozen=True)
class Case:
    """A row, a variant over all tasks, or with `variant` "" something that could not be compared.

    `reason` says why it did not pass, `detail` gives the scores and the verdict.
    """

    variant: str
    parent: str
    name: str
    outcome: Outcome
    reason: str
    detail: str = ""
    over_tasks: bool = False


def cases(comparison: Comparison, gate: Gate | None) -> tuple[Case, ...]:
    """The cases of a comparison under a gate: one is "error" if and only if the exit code is 2, another no pass if it is 1 or 3.

    Without a gate no row can fail. Noise floors are not judged.
    """
    judgements = gate.judgements if gate else ()
    over_tasks = [_over_tasks(judgement) for judgement in judgements if judgement.row is None]
    rows = [_row_case(row, comparison, judgements, gated=gate is not None) for row in _judged(comparison)]
    missing = (*comparison.incomplete, *comparison.unmatched) if gate else ()
    lines = dict.fromkeys([*comparison.problems, *missing])
    return (*over_tasks, *rows, *(Case("", "", line, "error", line) for line in lines))


def _judged(comparison: Comparison) -> Iterator[ComparisonRow]:
    return (row for row in comparison.rows if row.kind != "noise floor")


def _over_tasks(judgement: Judgement) -> Case:
    name = f"{judgement.rule}, {judgement.what}"
    reason = "" if judgement.code == PASSED else judgement.reason
    return Case(
        judgement.variant, judgement.parent, name, OUTCOMES[judgement.code], reason, judgement.reason, over_tasks=True
    )


def _row_case(row: ComparisonRow, comparison: Comparison, judgements: Collection[Judgement], *, gated: bool) -> Case:
    own = [judgement for judgement in judgements if judgement.row and _key(judgement.row) == _key(row)]
    verdict = verdict_cell(row, failed_checks(comparison)).replace("**", "")
    if row.verdict == "not valid":
        outcome: Outcome = "error" if gated else "skipped"
        reason = verdict
    else:
        codes = {judgement.code for judgement in own}
        outcome = OUTCOMES[next((code for code in OUTCOMES if code in codes), PASSED)]
        reason = "; ".join(judgement.reason for judgement in own if judgement.code != PASSED)
    filtered = "" if row.filter == NO_FILTER else f", {row.filter}"
    name = f"{row.task} [{row.metric}{filtered}]"
    return Case(row.variant, row.parent, name, outcome, reason, _detail(row, verdict))


def _key(row: ComparisonRow) -> tuple[str, ...]:
    return row.variant, row.kind, row.task, row.metric, row.filter


def _detail(row: ComparisonRow, verdict: str) -> str:
    """300 questions: base 51.0 %, variant 45.0 %, difference -6.0 (-10.3 to -2.1) *; worse: loses at most 9.5 points"""
    sign = unit(row.metric, " %")
    base, value = (in_unit(each.value, row.metric) + sign for each in (row.change.base, row.change.variant))
    scores = f"{row.n} questions: {row.parent} {base}, {row.variant} {value}, difference {difference_text(row)}"
    return "\n".join([f"{scores}; {verdict}", *row.warnings, *row.forced])
