"""What `mcqa compare --full` prints for people, in Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mcqa_suite.analysis.compare import (
    Comparison,
    ComparisonRow,
    FailedCheck,
    bound_words,
    family_text,
    settling_words,
    verdict_words,
)
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.settings import NO_FILTER
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.comparison_data import above_chance, as_csv, as_json, difference_text, name_of, title_of
from mcqa_suite.reporting.tables import (
    MARKED,
    Table,
    clustered_text,
    in_unit,
    interval_in_unit,
    letter_shares,
    number,
    p_value,
    percent,
    points,
    unit,
)

MARKED_DOUBT = (
    "‡: a failed check, a warning, or a difference between the runs that was overridden; they are listed below."
)
FEW = 3  # failed checks of one kind that get a line each
NOTE_FRAGILE = (
    "† Fewer than 10 pairs differ, clusters allowed for: the interval is widened to that of one document a cluster."
)
Columns = Mapping[str, Callable[[ComparisonRow], str]]
VERDICTS: Columns = {
    "task": lambda row: row.title,
    "variant": lambda row: name_of(row),
    "against": lambda row: row.parent,
    "n": lambda row: str(row.n),
    "difference": lambda row: difference_text(row),
    "p Holm": lambda row: p_value(row.p_holm),
    "verdict": lambda row: f"**{verdict_words(row)}**{' ‡' if row.warnings or row.forced else ''}",
    "at 95 %": bound_words,
}
MAIN: Columns = {
    "variant": VERDICTS["variant"],
    "against": VERDICTS["against"],
    "base": lambda row: interval_in_unit(row.change.base, row.metric),
    "score": lambda row: interval_in_unit(row.change.variant, row.metric),
    "difference": VERDICTS["difference"],
    "p": lambda row: p_value(row.change.p),
    "p Holm": VERDICTS["p Holm"],
    "right→wrong": lambda row: str(row.flips.right_to_wrong) if row.flips else "",
    "wrong→right": lambda row: str(row.flips.wrong_to_right) if row.flips else "",
    "wrong→wrong": lambda row: str(row.flips.wrong_to_wrong) if row.flips else "",
    "flips %": lambda row: percent(row.flips.total / row.n) if row.flips else "",
    "direction": lambda row: number(row.flips.direction, 2) if row.flips else "",
    "unread % base": lambda row: percent(row.unread_base),
    "unread %": lambda row: percent(row.unread_variant),
    "verdict": VERDICTS["verdict"],
}
DETAILS: Columns = {
    "variant": VERDICTS["variant"],
    "KL mean": lambda row: _kl(row, "mean"),
    "median": lambda row: _kl(row, "median"),
    "p95": lambda row: _kl(row, "p95"),
    "max": lambda row: _kl(row, "max"),
    "same answer %": lambda row: percent(row.top_agreement),
    "p(gold) (points)": lambda row: points(row.choices.gold_change),
    "ECE % base": lambda row: percent(row.choices.ece_base),
    "ECE % variant": lambda row: percent(row.choices.ece_variant),
    "letters % base": lambda row: letter_shares(row.choices.letters_base),
    "letters % variant": lambda row: letter_shares(row.choices.letters_variant),
    "detectable": lambda row: in_unit(row.detectable, row.metric),
    "above chance kept %": lambda row: percent(above_chance(row)),
}


def markdown(comparison: Comparison) -> str:
    """Verdicts first, then two tables a task or group, then what to know before believing them."""
    parts = [f"# {title_of(comparison)}\n", tables.markdown(_verdicts(comparison))]
    for rows in comparison.by_task().values():
        parts += [tables.markdown(_main(rows, comparison.base)), tables.markdown(_table("", DETAILS, rows))]
    parts += [_list(title, lines) for title, lines in remarks(comparison) if lines]
    return "\n".join(parts)


def latex(comparison: Comparison) -> str:
    """The verdicts and one table a task or group; the document needs booktabs."""
    verdicts = _verdicts(comparison)
    lines = [f"{title}: {'; '.join(lines)}." for title, lines in _doubts(comparison) if lines]
    verdicts = replace(verdicts, notes=[*verdicts.notes, *lines])
    mains = [_main(rows, comparison.base) for rows in comparison.by_task().values()]
    return "\n".join(map(tables.latex, (verdicts, *mains)))


def _table(title: str, columns: Columns, rows: Sequence[ComparisonRow], notes: Sequence[str] = ()) -> Table:
    """The rows are of one metric, whose name and unit are in the header."""
    metric = rows[0].metric
    titles = {
        "base": f"base {metric}{unit(metric, ' %')}",
        "score": f"{metric}{unit(metric, ' %')}",
        "difference": f"difference{unit(metric, ' (points)')}",
        "detectable": f"detectable{unit(metric, ' (points)')}",
    }
    header = [titles.get(name, name) for name in columns]
    return Table(title, header, [[cell(row) for cell in columns.values()] for row in rows], notes)


def _verdicts(comparison: Comparison) -> Table:
    title = f"Verdicts ({comparison.subset})" if comparison.subset else "Verdicts"
    foot = f"p Holm: corrected within each family: {family_text(comparison.families)}. {MARKED}"
    marked = [MARKED_DOUBT] if any(row.warnings or row.forced for row in comparison.rows) else []
    columns = dict(with_parents(VERDICTS, comparison.rows, comparison.base))
    columns["to settle it"] = lambda row: settling_words(row, comparison.margin)
    return _table(title, columns, comparison.rows, (foot, *marked)).without_empty_columns()


def with_parents(columns: Columns, rows: Sequence[ComparisonRow], base: str) -> Columns:
    """The columns, with the model that each variant is compared with where that is not always the base."""
    if any(row.parent != base for row in rows):
        return columns
    return {name: cell for name, cell in columns.items() if name != "against"}


def _main(rows: Sequence[ComparisonRow], base: str) -> Table:
    """A row a variant, then what guessing and what one letter for every question would score."""
    first, columns = rows[0], dict(with_parents(MAIN, rows, base))
    if all(row.unread_base is None and row.unread_variant is None for row in rows):
        columns = {name: cell for name, cell in columns.items() if not name.startswith("unread")}
    score = list(columns).index("score")
    kind = f", {first.average} of {len(first.members)} tasks" if first.members else ""
    filter_name = "" if first.filter == NO_FILTER else f", filter {first.filter}"
    facts, references = [n_text(first)], []
    if first.chance is not None:
        facts.append(f"chance {percent(first.chance)} %")
        references.append(_reference("chance", first.chance, score, len(columns)))
        if first.constant:
            letter, share = first.constant
            facts.append(f"always {letter} {percent(share)} %")
            references.append(_reference(f"always {letter}", share, score, len(columns)))
    facts += [] if first.higher_is_better else ["lower is better"]
    title = f"{first.task}, {first.metric}{filter_name}{kind} ({', '.join(facts)}, {first.n_shot}-shot)"
    notes = [f"{name_of(row)}: left out, not valid: {', '.join(row.left_out)}." for row in rows if row.left_out]
    notes += [NOTE_FRAGILE] if any(row.change.fragile for row in rows) else []
    table = _table(title, columns, rows, notes)
    return replace(table, rows=[*table.rows, *references])


def _reference(name: str, value: float, column: int, width: int) -> list[str]:
    return [name, *[""] * (column - 1), percent(value), *[""] * (width - column - 1)]


def n_text(row: ComparisonRow) -> str:
    """n = 64 in 16 clusters by question_id"""
    return f"n = {row.n}" + (f" in {row.clusters} clusters by {row.clustered_by}" if row.clusters else "")


def cluster_lines(comparison: Comparison) -> list[str]:
    """A line for each field that names clusters."""
    tasks: dict[str, dict[str, None]] = {}
    for row in comparison.rows:
        if row.clusters:
            tasks.setdefault(row.clustered_by, {})[row.task] = None
    return [clustered_text(field, names) for field, names in tasks.items()]


def _kl(row: ComparisonRow, statistic: str) -> str:
    return number(getattr(row.choices.kl, statistic), 4) if row.choices.kl else ""


def remarks(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Titles and lines: what makes the numbers doubtful, what could not be compared, what else to know."""
    return [
        *_doubts(comparison),
        ("Not compared", [line for line in comparison.problems if line not in {c.line for c in comparison.health}]),
        ("Notes", [*comparison.notes, *_reading(comparison)]),
    ]


def _doubts(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Failed checks, differences between the runs, and tasks that one of them lacks."""
    overridden = dict.fromkeys([*comparison.mismatches, *(line for row in comparison.rows for line in row.forced)])
    settings = "Settings that differ (forced)" if comparison.forced else "Asked differently, so not compared"
    return [
        ("Checks of the scores", _health(comparison)),
        (settings, list(overridden)),
        ("In one run alone", list(comparison.incomplete)),
    ]


def _health(comparison: Comparison) -> list[str]:
    """A line a run and condition; where only a few tasks have it, a line each with the detail."""
    kinds: dict[tuple[str, str, bool], list[FailedCheck]] = {}
    for check in comparison.health:
        kinds.setdefault((check.run, check.condition, check.invalid), []).append(check)
    lines = []
    for (run, condition, invalid), same in sorted(kinds.items(), key=lambda kind: not kind[0][2]):
        mark = f"{'**not valid**' if invalid else 'warning'} ({condition})"
        titles = [comparison.titles[check.task, check.filter] for check in same]
        if len(same) <= FEW:
            lines += [f"{title}, {run}: {mark}: {check.detail}" for title, check in zip(titles, same, strict=True)]
        else:
            lines.append(f"{len(same)} tasks, {run}: {mark}: {', '.join(titles)}")
    return lines


def _reading(comparison: Comparison) -> list[str]:
    methods = {row.change.method for row in comparison.rows}
    margin = f"{100 * comparison.margin:g} {'point' if comparison.margin == 0.01 else 'points'}"
    lines = [
        f"Equivalent: within ±{margin} by two one-sided tests, each at .05 and not corrected for the number of rows. "
        f"To settle it: how many questions would show that, if nothing was lost or gained."
        if any(is_share(row.metric) for row in comparison.rows)
        else "Scores are in the metric's own unit, so that no margin in points says which differences are small.",
        "At 95 %: the one-sided bound of the difference. Detectable: what 80 % of such comparisons would find at .05 / the "
        "rows of the family, at the share of changed scores seen here.",
    ]
    if any(row.choices.kl for row in comparison.rows):
        lines.append("KL: from the parent's distribution over the options to the variant's, in nats.")
    if any(row.flips for row in comparison.rows):
        lines.append("Flips: the share of documents whose answer changed; direction: -1 all losses, +1 all gains.")
    if "score" in methods:
        lines.append(
            "Intervals are 95 %: Wilson for an accuracy, Tango's score for a paired difference; p is McNemar's, exact."
        )
    lines += [
        f"{line}. Intervals: score, at the effective sample size; p: Student's t." for line in cluster_lines(comparison)
    ]
    independent = [row for row in comparison.rows if row.change.method == "score"]
    if any(row.average.startswith("mean") for row in comparison.rows):
        lines.append("Means over tasks: the score interval adds the variances of the tasks.")
    if any(row.average.startswith("mean") and row.flips for row in independent):
        lines.append("p of a mean over tasks: McNemar's, corrected for continuity.")
    if any(row.change.p_mcnemar is None and not row.average.startswith("mean") for row in independent):
        lines.append("Fractions of a right answer: score intervals at the effective sample size, p by Student's t.")
    if any(row.flips and not row.flips.total for row in comparison.rows):
        lines.append(
            "Where no answer changed the difference is exactly 0; its interval is what other documents might show."
        )
    return lines


def _list(title: str, lines: Sequence[str]) -> str:
    return f"### {title}\n\n" + "\n".join(f"- {line}" for line in lines) + "\n"


FORMATS: dict[str, Callable[[Comparison], str]] = {"md": markdown, "csv": as_csv, "latex": latex, "json": as_json}
