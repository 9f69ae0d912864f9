"""What `mcqa compare` prints without --full: one table of verdicts, and what makes them doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, FailedCheck, bound_words, family_text, verdict_words
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.comparison_data import difference_text, name_of, title_of
from mcqa_suite.reporting.comparison_text import NOTE_FRAGILE, Columns, cluster_lines, with_parents
from mcqa_suite.reporting.tables import Table, in_unit, unit

FEW = 3  # lines of one kind that are listed
MORE = "--full adds p-values, flips, KL, calibration and every warning."


def verdict_markdown(comparison: Comparison, more: str = f"{MORE}\n") -> str:
    """One row a task or group and variant, then warnings, settings that differ and tasks that one run lacks, then `more`."""
    lines = "".join(f"- {line}\n" for line in _doubts(comparison))
    parts = [tables.markdown(verdict_table(comparison)), *([lines] if lines else []), *([more] if more else [])]
    return "\n".join(parts)


def verdict_table(comparison: Comparison) -> Table:
    rows, failed = comparison.rows, failed_checks(comparison)
    metric = rows[0].metric if rows else "acc"
    score = unit(metric, " %") or f" {metric}"
    parent = "base" if comparison.against == comparison.base else "parent"
    columns: Columns = {
        "task": lambda row: row.title if row.metric == "acc" else f"{row.title} ({row.metric})",
        "variant": name_of,
        "against": lambda row: row.parent,
        "n": lambda row: str(row.n),
        parent + score: lambda row: in_unit(row.change.base.value, row.metric),
        f"variant{score}": lambda row: in_unit(row.change.variant.value, row.metric),
        f"difference{unit(metric, ' (points)')}": difference_text,
        "verdict": lambda row: verdict_cell(row, failed),
    }
    columns = dict(with_parents(columns, rows, comparison.base))
    title = title_of(comparison)
    title += f" ({comparison.subset})" if comparison.subset else ""
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    return Table(title, list(columns), cells, _notes(comparison), left=list(columns).index("n"))


def failed_checks(comparison: Comparison) -> dict[tuple[str, str], list[FailedCheck]]:
    """The checks that make scores not valid, by task and filter."""
    failed: dict[tuple[str, str], list[FailedCheck]] = {}
    for check in comparison.health:
        if check.invalid:
            failed.setdefault((check.task, check.filter), []).append(check)
    return failed


def verdict_cell(row: ComparisonRow, failed: Mapping[tuple[str, str], Sequence[FailedCheck]]) -> str:
    """**undecided** ‡: loses at most 2.7 points; of a row that is not valid, the checks that failed."""
    if row.verdict != "not valid":
        doubt = " ‡" if row.warnings or row.forced else ""
        bound = bound_words(row)
        return f"**{verdict_words(row)}**{doubt}" + (f": {bound}" if bound else "")
    tasks = dict.fromkeys([row.task, *row.members, *row.left_out])
    checks = [check for task in tasks for check in failed.get((task, row.filter), ())]
    reasons = [f"{check.condition} ({check.run})" for check in checks if check.run in (row.variant, row.parent)]
    return "**not valid**" + (f": {', '.join(dict.fromkeys(reasons))}" if reasons else "")


def _notes(comparison: Comparison) -> list[str]:
    rows = comparison.rows
    lines = [
        "Differences question by question, with 95 % intervals; after the verdict, the one-sided 95 % bound. "
        f"*: p under .05 after Holm's correction over {family_text(comparison.families)}."
    ]
    lines += [NOTE_FRAGILE] if any(row.change.fragile for row in rows) else []
    lines += [f"{line}." for line in cluster_lines(comparison)]
    if counts := [row.questions_to_settle for row in rows if row.verdict == "undecided" and row.questions_to_settle]:
        several = f" to {max(counts):,}" if len(set(counts)) > 1 else ""
        points = f"{100 * comparison.margin:g} point{'s' * (comparison.margin != 0.01)}"
        lines.append(f"Undecided rows: about {min(counts):,}{several} questions would settle one to within ±{points}.")
    return lines


def _doubts(comparison: Comparison) -> list[str]:
    """Failed checks, settings that differ, tasks that one run lacks, and notes; without `problems`, which the caller prints."""
    failed: dict[tuple[bool, str], list[FailedCheck]] = {}
    problems = set(comparison.problems)
    for check in sorted(comparison.health, key=lambda check: not check.invalid):
        if check.line not in problems:
            failed.setdefault((check.invalid, check.condition), []).append(check)
    lines = [line for checks in failed.values() for line in _check_lines(comparison, checks)]
    settings = "Settings differ (forced)" if comparison.forced else "Asked differently, so not compared"
    overridden = dict.fromkeys([*comparison.mismatches, *(line for row in comparison.rows for line in row.forced)])
    lines += _first_few(settings, list(overridden))
    lines += _first_few("In one run alone", comparison.incomplete)
    return [*lines, *comparison.notes]


def _check_lines(comparison: Comparison, checks: Sequence[FailedCheck]) -> list[str]:
    """A line for each check of one condition; for many, one line with their number."""
    mark = f"{'not valid,' if checks[0].invalid else '‡'} {checks[0].condition}"
    if len(checks) > FEW:
        return [f"{mark}: {len(checks)} times, first {_where(comparison, checks[0])}: {checks[0].detail}"]
    return [f"{mark}: {_where(comparison, check)}: {check.detail}" for check in checks]


def _where(comparison: Comparison, check: FailedCheck) -> str:
    return f"{comparison.titles[check.task, check.filter]}, {check.run}"


def _first_few(title: str, lines: Sequence[str]) -> list[str]:
    more = [f"{title}: {len(lines) - FEW} more (--full)"] if len(lines) > FEW else []
    return [*(f"{title}: {line}" for line in lines[:FEW]), *more]
