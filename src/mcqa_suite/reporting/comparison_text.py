"""What `mcqa compare` prints for people: Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, FailedCheck, family_text
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.comparison_data import above_chance, as_csv, as_json, difference_text, name_of
from mcqa_suite.reporting.tables import (
    MARKED,
    Table,
    number,
    p_value,
    percent,
    percent_interval,
    points,
)

FEW = 3  # findings of one kind that are worth a line each
HEADER = (
    "variant",
    "base acc %",
    "acc %",
    "difference (points)",
    "p",
    "p Holm",
    "right→wrong",
    "wrong→right",
    "wrong→wrong",
    "flips %",
    "direction",
    "verdict",
)
DETAILS = (
    "variant",
    "KL mean",
    "median",
    "p95",
    "max",
    "same answer %",
    "p(gold) (points)",
    "ECE % base",
    "ECE % variant",
    "letters % base",
    "letters % variant",
    "unread % base",
    "unread % variant",
    "detectable (points)",
    "above chance kept %",
)


def markdown(report: Comparison) -> str:
    """Verdicts first, then two tables a task or group, then what to know before believing them."""
    parts = [f"# {report.base} and what was made from it\n", tables.markdown(_verdicts(report))]
    for rows in by_task(report):
        parts += [tables.markdown(_main(rows)), tables.markdown(_details(rows))]
    parts += [_list(title, lines) for title, lines in remarks(report) if lines]
    return "\n".join(parts)


def latex(report: Comparison) -> str:
    """The verdicts and one table a task or group; the document needs booktabs."""
    parts = [tables.latex(_verdicts(report)), *(tables.latex(_main(rows)) for rows in by_task(report))]
    return "\n".join(parts)


def by_task(report: Comparison) -> list[list[ComparisonRow]]:
    """The rows, together by task and filter, in the report's order."""
    found: dict[tuple[str, str], list[ComparisonRow]] = {}
    for row in report.rows:
        found.setdefault((row.task, row.filter), []).append(row)
    return list(found.values())


def _verdicts(report: Comparison) -> Table:
    rows = [
        [row.task, name_of(row), str(row.n), difference_text(row), p_value(row.p_holm), f"**{row.verdict}**"]
        for row in report.rows
    ]
    title = f"Verdicts ({report.subset})" if report.subset else "Verdicts"
    foot = f"p Holm: corrected within each family: {family_text(report.families)}. {MARKED}"
    return Table(title, ("task", "variant", "n", "difference (points)", "p Holm", "verdict"), rows, (foot,))


def _title(row: ComparisonRow) -> str:
    facts = [f"n = {row.n}"]
    if row.chance is not None:
        facts.append(f"chance {percent(row.chance)} %")
    if constant := _constant(row):
        facts.append(f"always {constant[0]} {percent(constant[1])} %")
    group = "mean over tasks" if row.change.method == "macro" else "pooled"
    kind = f", {group} of {len(row.members)} tasks" if row.members else ""
    filter_name = "" if row.filter == "none" else f", filter {row.filter}"
    return f"{row.task}, {row.metric}{filter_name}{kind} ({', '.join(facts)}, {row.n_shot}-shot)"


def _constant(row: ComparisonRow) -> tuple[str, float] | None:
    """The commonest right letter and its share, where the score is one that guessing could reach."""
    return row.choices.constant if row.chance is not None else None


def _main(rows: Sequence[ComparisonRow]) -> Table:
    lines = [_cells(row) for row in rows]
    first, blank = rows[0], [""] * (len(HEADER) - 3)
    if first.chance is not None:
        lines.append(["chance", "", percent(first.chance), *blank])
    if constant := _constant(first):
        lines.append([f"always {constant[0]}", "", percent(constant[1]), *blank])
    notes = [f"{name_of(row)}: left out as broken: {', '.join(row.left_out)}." for row in rows if row.left_out]
    if any(row.change.fragile for row in rows):
        notes.append("† Fewer than 10 pairs differ, clusters allowed for: no interval is known to cover 95 % here.")
    return Table(_title(first), HEADER, lines, notes)


def _cells(row: ComparisonRow) -> list[str]:
    change, flips = row.change, row.flips
    counts = ["", "", "", "", ""]
    if flips:
        crossing = (flips.right_to_wrong, flips.wrong_to_right, flips.wrong_to_wrong)
        counts = [*map(str, crossing), percent(flips.total / row.n), number(flips.direction, 2)]
    return [
        name_of(row),
        percent_interval(change.base),
        percent_interval(change.variant),
        difference_text(row),
        p_value(change.p),
        p_value(row.p_holm),
        *counts,
        f"**{row.verdict}**",
    ]


def _details(rows: Sequence[ComparisonRow]) -> Table:
    return Table("", DETAILS, [_detail_cells(row) for row in rows])


def _detail_cells(row: ComparisonRow) -> list[str]:
    choices, kl = row.choices, row.choices.kl
    return [
        name_of(row),
        *([number(value, 4) for value in (kl.mean, kl.median, kl.p95, kl.max)] if kl else [""] * 4),
        percent(row.top_agreement),
        points(choices.gold_change),
        percent(choices.ece_base),
        percent(choices.ece_variant),
        _letters(choices.letters_base),
        _letters(choices.letters_variant),
        percent(row.unread_base),
        percent(row.unread_variant),
        percent(row.change.mde),
        percent(above_chance(row)),
    ]


def _letters(shares: Sequence[float]) -> str:
    return " ".join(f"{chr(ord('A') + index)} {100 * share:.0f}" for index, share in enumerate(shares))


def remarks(report: Comparison) -> list[tuple[str, list[str]]]:
    """Titles and lines: health, settings that differ, what was not paired, what else to know, and how to read it."""
    health = _health(report.health)
    unpaired = [
        f"{variant}, {task}: {_reasons(asdict(counts))}"
        for variant, tasks in report.unpaired.items()
        for task, counts in tasks.items()
    ]
    return [
        ("Health", health),
        ("Settings that differ (forced)", list(report.mismatches)),
        ("Documents left out of the pairs", unpaired),
        ("Not compared", list(report.problems)),
        ("Notes", [*report.notes, *_reading(report)]),
    ]


def _health(findings: Sequence[FailedCheck]) -> list[str]:
    """A line a run and condition; where only a few tasks have it, a line each with the particulars."""
    kinds: dict[tuple[str, str, bool], list[FailedCheck]] = {}
    for item in findings:
        kinds.setdefault((item.run, item.condition, item.broken), []).append(item)
    lines = []
    for (run, condition, broken), items in sorted(kinds.items(), key=lambda kind: not kind[0][2]):
        mark = f"{'**broken** ' if broken else ''}({condition})"
        if len(items) <= FEW:
            lines += [f"{item.task}, {run}: {mark}: {item.detail}" for item in items]
        else:
            lines.append(f"{len(items)} tasks, {run}: {mark}: {', '.join(item.task for item in items)}")
    return lines


def _reasons(counts: dict[str, int]) -> str:
    words = {
        "only_base": "in the base alone",
        "only_variant": "in the variant alone",
        "doc": "with another document",
        "prompt": "with another prompt",
        "target": "with another target",
        "failed": "without an answer in either run",
    }
    return ", ".join(f"{count} {words[name]}" for name, count in counts.items() if count)


def _reading(report: Comparison) -> list[str]:
    methods = {row.change.method for row in report.rows}
    margin = f"{100 * report.margin:g} {'point' if report.margin == 0.01 else 'points'}"
    lines = [
        f"Equivalent: within ±{margin} by two one-sided tests. Underpowered: a difference of {margin} would be missed more "
        "than one time in five.",
        "Detectable: what 80 % of such comparisons would find at .05, uncorrected, at the share of changed scores seen here.",
        "KL: from the base's distribution over the options to the variant's, in nats. Flips: the share of documents whose "
        "answer changed; direction: -1 all losses, +1 all gains.",
    ]
    if "score" in methods:
        lines.append(
            "Intervals are 95 %: Wilson for an accuracy, Tango's score for a paired difference; p is McNemar's, exact."
        )
    if "clustered score" in methods:
        lines.append(f"Clustered by {report.cluster}: score intervals at the effective sample size, p by Student's t.")
    if any(row.flips and not row.flips.total for row in report.rows):
        lines.append(
            "Where no answer changed the difference is exactly 0; its interval is what other documents might show."
        )
    return lines


def _list(title: str, lines: Sequence[str]) -> str:
    return f"### {title}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


FORMATS: dict[str, Callable[[Comparison], str]] = {"md": markdown, "csv": as_csv, "latex": latex, "json": as_json}
