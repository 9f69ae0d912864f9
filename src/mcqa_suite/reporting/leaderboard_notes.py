"""The notes below a leaderboard: ranks, missing tests, failed checks, warnings, clusters and families of tests."""

from __future__ import annotations

from collections.abc import Iterable

from mcqa_suite.analysis.compare import family_text
from mcqa_suite.analysis.compare.tasks import MOST_TASKS, assumption
from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.common.lists import first_of
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.reporting import published
from mcqa_suite.reporting.tables import MARKED, clustered_text

NOT_VALID = ": not valid ("  # in the line of a failed check that makes a row not valid


def warning_lines(board: Leaderboard, columns: Iterable[int] | None = None) -> list[str]:
    """What stands behind ‡ in these columns, or in all: one line, or none."""
    warnings: dict[str, list[str]] = {}  # those whose scores it stands behind -> the warnings
    for index in range(len(board.columns)) if columns is None else columns:
        entries = {row.run.name: entry for row in board.rows if (entry := row.entries[index])}
        runs: dict[str, list[str]] = {}  # the warning -> names
        for name, entry in entries.items():
            for detail in () if entry.failed_check else entry.warnings:
                runs.setdefault(f"{entry.column.title}: {detail}", []).append(name)
        for warning, names in runs.items():
            whose = "all" if len(names) == len(entries) > 1 else ", ".join(names)
            warnings.setdefault(whose, []).append(warning)
    texts = [f"{whose}: {'; '.join(lines)}." for whose, lines in warnings.items()]
    return [f"‡ {' '.join(texts)}"] if texts else []


def families_line(board: Leaderboard) -> str:
    return f"p Holm: corrected within each family: {family_text(board.families)}. {MARKED}"


def notes(board: Leaderboard) -> list[str]:
    """Notes on ranks, missing tests, failed checks and unanswered items."""
    lines = [f"{line}." for line in cluster_lines(board)]
    lines += [assumption(column.title, column.metric) + "." for column in board.columns if column.assumed]
    if lower := [column.title for column in board.columns if not column.higher_is_better]:
        lines.append(f"Lower is better: {', '.join(lower)}.")
    if len(board.columns) > 1 and not is_share(board.columns[0].metric):
        lines.append(
            f"No macro mean: {board.columns[0].metric} has no common scale. Sorted by {board.ranked_by[0].title}."
        )
    if board.nested:
        first, second = board.nested
        filters = {column.filter for column in board.columns if column.several_filters}
        advice = "; --filter chooses one" if len(filters) > 1 else ""
        lines.append(
            f"No macro mean: {first} and {second} share documents{advice}. Sorted by {board.ranked_by[0].title}."
        )
    if any(row.inseparable for row in board.rows):
        lines.append("≈: no significant difference to the first (paired test, p >= .05 over all pairs of models).")
    if unranked := [f"{row.run.name}: {row.unranked}" for row in board.rows if row.unranked]:
        lines.append(f"Not ranked, because they were asked differently: {'; '.join(unranked)}.")
    refused = [
        f"{row.run.name}, {entry.column.title}: {entry.differs}"
        for row in board.rows
        for entry in row.entries
        if entry and entry.differs
    ]
    if refused:
        lines.append(f"Asked differently, so there is no difference: {'; '.join(refused)}.")
    if board.not_shown:
        several = "the first model and another one" if len(board.rows) > 1 else "the model"
        lines.append(
            f"Not shown: {first_of(board.not_shown, MOST_TASKS)}: {several} must have a score of it by one metric and filter."
        )
    lines += [f"No mean of {reason}." for reason in board.no_means]
    if mixed := [column.title for column in board.columns if column.mixed]:
        lines.append(f"Few-shot counts differ, so these columns are separate: {'; '.join(mixed)}.")
        if len(board.ranked_by) == 1:
            lines.append(f"Ranked by {board.ranked_by[0].title}; models without it have no rank.")
    lines += [f"{row.run.name}: {note}." for row in board.rows for note in row.run.notes]
    if ties := [row.run.name for row in board.rows if "=" in row.rank]:
        lines.append(f"Exact ties share a rank: {', '.join(ties)}.")
    lines += published.notes(board)
    entries = [(row.run.name, entry) for row in board.rows for entry in row.entries if entry and entry.failed_check]
    if invalid := [f"{name}, {entry.column.title}: {entry.failed_check}" for name, entry in entries]:
        lines.append(f"† not valid: {'; '.join(invalid)}.")
    ranked_by = set(board.ranked_by)
    left_out = [column.title for column in board.columns if column not in ranked_by]
    if left_out and len(board.ranked_by) > 1:
        lines.append(f"Ranks and means leave out {', '.join(left_out)}: the log of a model cannot be trusted there.")
    return [*lines, *warning_lines(board)]


def invalid_differences(board: Leaderboard, columns: Iterable[int]) -> list[str]:
    """A line for each failed check of a difference that is not valid although both scores are."""
    rows = {row.run.name: row for row in board.rows}
    lines: dict[str, None] = {}
    for index in columns:
        for row in board.rows:
            entry, parent = row.entries[index], rows.get(row.parent or "")
            before = parent.entries[index] if parent else None
            if not entry or entry.failed_check or (before and before.failed_check):
                continue
            if entry.change and entry.change.verdict == "not valid":
                lines |= dict.fromkeys(line for line in entry.change.warnings if NOT_VALID in line)
    return list(lines)


def cluster_lines(board: Leaderboard) -> list[str]:
    """A line for each field that names clusters."""
    columns: dict[str, dict[str, None]] = {}
    for entry in (entry for row in board.rows for entry in row.entries if entry):
        if entry.scores.rows.clusters is not None:
            columns.setdefault(entry.scores.clustered_by, {})[entry.column.title] = None
    return [clustered_text(field, tasks) for field, tasks in columns.items()]
