"""Whether variants pass a gate: at most a given loss, or none that is worse. docs/verdicts.md is the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from mcqa_suite.analysis.compare.result import Change, Comparison, ComparisonRow
from mcqa_suite.analysis.compare.verdicts import LEVEL, loss_words, rounded_up, verdicts_of_each
from mcqa_suite.logs.metrics import is_share

PASSED, FAILED, NOT_JUDGED, UNDECIDED = 0, 1, 2, 3


@dataclass(frozen=True)
class Gate:
    """The exit code, and a line for each variant or task, with the reason."""

    exit_code: int
    lines: tuple[str, ...]


def max_drop(comparison: Comparison, points: float, *, per_task: bool = False) -> Gate:
    """Pass where the one-sided 95 % bound of the difference is above -`points`: pooled over the tasks, or of each task.

    A variant that fails is worse, or there are too few questions; the line says which. NOT_JUDGED where a score cannot be
    trusted, a task is missing, or nothing can be pooled.
    """
    unjudged = _unjudged(comparison)
    code, lines = NOT_JUDGED if unjudged else PASSED, _misspelt(comparison)
    for where, change, higher, problem in _each(comparison) if per_task else _pooled(comparison):
        if change is None or problem:
            code, line = NOT_JUDGED, problem
        else:
            passed, line = _drop(change, higher, points / 100)
            code = code if passed else max(code, FAILED)
            line = f"no pass, because a part is missing or not valid; the rest {line}" if passed and unjudged else line
        lines.append(f"{where}: {line}")
    return Gate(code, tuple(lines))


def fail_if_worse(comparison: Comparison, *, strict: bool = False) -> Gate:
    """Fail where a row is worse by Holm over the rows of its variant alone; with `strict`, undecided is no pass either."""
    rows = [row for row in verdicts_of_each(comparison.rows, comparison.margin) if row.kind != "noise floor"]
    worse = [row for row in rows if row.verdict == "worse"]
    undecided = [row for row in rows if row.verdict == "undecided"] if strict else []
    lines = _misspelt(comparison) + [
        f"{row.variant}: {row.title}: worse (p Holm {row.p_holm:.2g}, corrected over the tasks of {row.variant} alone)"
        for row in worse
    ]
    lines += [f"{row.variant}: {row.title}: undecided" for row in undecided]
    if _unjudged(comparison):
        return Gate(NOT_JUDGED, tuple(lines))
    return Gate(FAILED if worse else UNDECIDED if undecided else PASSED, tuple(lines))


def _unjudged(comparison: Comparison) -> bool:
    not_valid = any(row.verdict == "not valid" and row.kind != "noise floor" for row in comparison.rows)
    return bool(comparison.incomplete or comparison.unmatched or comparison.problems or not_valid)


def _misspelt(comparison: Comparison) -> list[str]:
    return [f"{line}; correct --tasks" for line in comparison.unmatched]


Judged = tuple[str, Change | None, bool, str]  # where, difference, whether higher is better, why there is none


def _pooled(comparison: Comparison) -> Iterator[Judged]:
    for pooled in comparison.pooled:
        tasks = pooled.tasks[0] if len(pooled.tasks) == 1 else f"{len(pooled.tasks)} tasks"
        yield (
            f"{pooled.variant} against {pooled.parent}, {tasks}",
            pooled.change,
            pooled.higher_is_better,
            pooled.problem,
        )


def _each(comparison: Comparison) -> Iterator[Judged]:
    rows = [row for row in comparison.rows if row.kind == "task"]
    for row in rows or [row for row in comparison.rows if row.kind == "group"]:
        yield f"{row.variant} against {row.parent}, {row.title}", row.change, row.higher_is_better, _why_not(row)


def _why_not(row: ComparisonRow) -> str:
    if row.verdict == "not valid":
        return "not valid"
    return "" if is_share(row.metric) else f"{row.metric} is no share of questions; choose another --metric"


def _drop(change: Change, higher_is_better: bool, margin: float) -> tuple[bool, str]:
    """Whether the loss is shown to be below the margin, and the line that says so."""
    sign = 1 if higher_is_better else -1
    ends = change.one_sided
    bound = ends.low if higher_is_better else -ends.high
    loses = loss_words(bound, "acc")
    if bound > -margin:
        return True, f"passes: {loses}"
    difference = change.difference
    if change.p < LEVEL and sign * difference.value < 0:
        low, high = sorted((-sign * difference.low, -sign * difference.high))
        return False, f"fails: worse by {-100 * sign * difference.value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    needed = rounded_up(change.power.questions(change.questions, margin, both_sides=False))
    enough = f", about {needed:,} would do" if needed and isfinite(needed) else ""
    return False, f"fails: too few questions: {loses or 'no bound'}{enough}"
