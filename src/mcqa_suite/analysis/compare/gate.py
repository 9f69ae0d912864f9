"""Whether variants pass a gate: at most a given loss, or none that is worse. docs/verdicts.md is the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from mcqa_suite.analysis.compare.result import Change, Comparison, ComparisonRow
from mcqa_suite.analysis.compare.verdicts import LEVEL, loss_words, rounded_up, verdicts_of_each
from mcqa_suite.logs.metrics import is_share

PASSED, FAILED, NOT_JUDGED, UNDECIDED = 0, 1, 2, 3


@dataclass(frozen=True)
class Judgement:
    """What the rule of a gate says of a row, or with `row` None of a variant over all tasks: a code, and why.

    `what` names the task or the number of tasks. `reason` is "" for a row of which there is nothing to say.
    """

    rule: str
    variant: str
    parent: str
    what: str
    code: int
    reason: str
    row: ComparisonRow | None = None


@dataclass(frozen=True)
class Gate:
    """The exit code, a line for each variant or task with the reason, and every judgement behind them."""

    exit_code: int
    lines: tuple[str, ...]
    judgements: tuple[Judgement, ...] = ()


def together(gates: Sequence[Gate]) -> Gate:
    """Several gates as one, which passes if all pass."""
    codes = {gate.exit_code for gate in gates}
    code = next((code for code in (NOT_JUDGED, FAILED, UNDECIDED) if code in codes), PASSED)
    lines = tuple(line for gate in gates for line in gate.lines)
    return Gate(code, lines, tuple(judgement for gate in gates for judgement in gate.judgements))


def max_drop(comparison: Comparison, points: float, *, per_task: bool = False) -> Gate:
    """Pass where the one-sided 95 % bound of the difference is above -`points`: pooled over the tasks, or of each task.

    A variant that fails is worse, or there are too few questions; the line says which. NOT_JUDGED where a score cannot be
    trusted, a task is missing, or nothing can be pooled.
    """
    unjudged = _unjudged(comparison)
    rule, lines, judgements = f"--max-drop {points:g}", _misspelt(comparison), []
    for each in _each(comparison) if per_task else _pooled(comparison):
        code, line = _dropped(each, points / 100)
        if unjudged and code == PASSED:
            line = f"no pass, because a part is missing or not valid; the rest {line}"
            code = PASSED if each.row else NOT_JUDGED
        lines.append(f"{each.variant} against {each.parent}, {each.what}: {line}")
        judgements.append(Judgement(rule, each.variant, each.parent, each.what, code, line, each.row))
    codes = [NOT_JUDGED if unjudged else PASSED, *(judgement.code for judgement in judgements)]
    return Gate(max(codes), tuple(lines), tuple(judgements))


def fail_if_worse(comparison: Comparison, *, strict: bool = False) -> Gate:
    """Fail where a row is worse by Holm over the rows of its variant alone; with `strict`, undecided is no pass either."""
    rows = [row for row in verdicts_of_each(comparison.rows, comparison.margin) if row.kind != "noise floor"]
    judgements = tuple(_worse(row, strict=strict) for row in rows)
    codes = (FAILED, UNDECIDED)
    shown = [judgement for code in codes for judgement in judgements if judgement.code == code]
    lines = _misspelt(comparison) + [f"{each.variant}: {each.row.title}: {each.reason}" for each in shown if each.row]
    code = next((code for code in codes if any(each.code == code for each in judgements)), PASSED)
    return Gate(NOT_JUDGED if _unjudged(comparison) else code, tuple(lines), judgements)


def _worse(row: ComparisonRow, *, strict: bool) -> Judgement:
    if row.verdict == "not valid":
        code, reason = NOT_JUDGED, "not valid"
    elif row.verdict == "worse":
        p = f"p Holm {row.p_holm:.2g}, corrected over the tasks of {row.variant} alone"
        code, reason = FAILED, f"worse ({p})"
    elif row.verdict == "undecided" and strict:
        code, reason = UNDECIDED, "undecided"
    else:
        code, reason = PASSED, ""
    return Judgement("--fail-if worse", row.variant, row.parent, row.title, code, reason, row)


def _unjudged(comparison: Comparison) -> bool:
    not_valid = any(row.verdict == "not valid" and row.kind != "noise floor" for row in comparison.rows)
    return bool(comparison.incomplete or comparison.unmatched or comparison.problems or not_valid)


def _misspelt(comparison: Comparison) -> list[str]:
    return [f"{line}; correct --tasks" for line in comparison.unmatched]


@dataclass(frozen=True)
class _Difference:
    """A difference to judge: of a variant on `what`, or why there is none. `row` is None for several tasks together."""

    variant: str
    parent: str
    what: str
    change: Change | None
    higher_is_better: bool
    problem: str
    row: ComparisonRow | None = None


def _pooled(comparison: Comparison) -> Iterator[_Difference]:
    for pooled in comparison.pooled:
        tasks = pooled.tasks[0] if len(pooled.tasks) == 1 else f"{len(pooled.tasks)} tasks"
        yield _Difference(pooled.variant, pooled.parent, tasks, pooled.change, pooled.higher_is_better, pooled.problem)


def _each(comparison: Comparison) -> Iterator[_Difference]:
    rows = [row for row in comparison.rows if row.kind == "task"]
    for row in rows or [row for row in comparison.rows if row.kind == "group"]:
        yield _Difference(row.variant, row.parent, row.title, row.change, row.higher_is_better, _why_not(row), row)


def _why_not(row: ComparisonRow) -> str:
    if row.verdict == "not valid":
        return "not valid"
    return "" if is_share(row.metric) else f"{row.metric} is no share of questions; choose another --metric"


def _dropped(each: _Difference, margin: float) -> tuple[int, str]:
    """The code of a difference, whose loss is shown to be below the margin or not, and why."""
    if each.change is None or each.problem:
        return NOT_JUDGED, each.problem
    change, sign = each.change, 1 if each.higher_is_better else -1
    ends = change.one_sided
    bound = ends.low if each.higher_is_better else -ends.high
    loses = loss_words(bound, "acc")
    if bound > -margin:
        return PASSED, f"passes: {loses}"
    difference = change.difference
    if change.p < LEVEL and sign * difference.value < 0:
        low, high = sorted((-sign * difference.low, -sign * difference.high))
        return FAILED, f"fails: worse by {-100 * sign * difference.value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    needed = rounded_up(change.power.questions(change.questions, margin, both_sides=False))
    enough = f", about {needed:,} would do" if needed and isfinite(needed) else ""
    return FAILED, f"fails: too few questions: {loses or 'no bound'}{enough}"
