"""A ladder in one table: rungs by tasks, each with its difference to the parent."""

from __future__ import annotations

from mcqa_suite.analysis.compare import bound_words
from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard, TaskColumn
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
from mcqa_suite.reporting.comparison_data import mark
from mcqa_suite.reporting.leaderboard import invalid_differences, mark_of, name_of, size_columns, warning_lines
from mcqa_suite.reporting.tables import MARKED, Table, percent, points


def rung_table(board: Leaderboard) -> Table:
    """One row a rung, one column a task: the score in %, then the difference to the parent in points."""
    indices = chosen_columns(board)
    written = [
        index for index in indices if any(entry and entry.unread is not None for entry in _entries(board, index))
    ]
    sizes = size_columns(board)
    header = ["rung", "parent", *(_title(board.columns[index]) for index in indices)]
    header += [f"unread % of {_short(board.columns[index])}" for index in written] + list(sizes)
    rows = []
    for number, row in enumerate(board.rows):
        cells = [_cell(board, row, row.entries[index]) for index in indices]
        unread = [percent(entry.unread) if (entry := row.entries[index]) else "" for index in written]
        rows.append([name_of(row), row.parent or "", *cells, *unread, *(texts[number][1] for texts in sizes.values())])
    chance = [percent(board.columns[index].chance) for index in indices]
    if any(chance):
        rows.append(["chance", "", *chance, *[""] * (len(written) + len(sizes))])
    return Table("", header, rows, _notes(board, indices), left=2)


def chosen_columns(board: Leaderboard) -> list[int]:
    """The index of one column for each group, other task, and filter: of the metric that it is judged by."""
    return [index for index, column in enumerate(board.columns) if column.main and not column.in_group]


def _entries(board: Leaderboard, index: int) -> list[Entry | None]:
    return [row.entries[index] for row in board.rows]


def _short(column: TaskColumn) -> str:
    return column.title.removeprefix("mcqa_")


def _title(column: TaskColumn) -> str:
    return _short(column) if column.metric == "acc" else f"{_short(column)} ({column.metric})"


def _cell(board: Leaderboard, row: BoardRow, entry: Entry | None) -> str:
    if entry is None:
        return ""
    score = percent(entry.accuracy.value) + mark_of(entry)
    if row.parent is None:
        return score
    compared = entry.change
    if compared is None:
        return f"{score} {ASKED_DIFFERENTLY}" if entry.differs else score
    doubt = " (not valid)" if compared.verdict == "not valid" else ""
    if compared.left_out:
        doubt += f" (over {len(compared.members)} of {len(entry.column.tasks)} tasks)"
    return f"{score} {points(compared.change.difference.value)}{mark(compared)}{doubt}"


def _notes(board: Leaderboard, indices: list[int]) -> list[str]:
    ns = {_short(board.columns[i]): next(e.accuracy.n for e in _entries(board, i) if e) for i in indices}
    questions = ", ".join(f"{name} {n}" for name, n in ns.items())
    lines = [f"In %, then the difference to the parent in points. {MARKED} Questions: {questions}."]
    failed = [
        (row.run.name, entry) for row in board.rows for i in indices if (entry := row.entries[i]) and entry.failed_check
    ]
    columns: dict[tuple[str, str], list[str]] = {}
    for name, entry in failed:
        columns.setdefault((name, entry.failed_check), []).append(_short(entry.column))
    if invalid := [f"{name}, {', '.join(titles)}: {check}" for (name, check), titles in columns.items()]:
        lines.append(f"† not valid: {'; '.join(invalid)}.")
    lines += [f"Difference not valid: {line}." for line in invalid_differences(board, indices)]
    return [*lines, *warning_lines(board, indices)]


def bounds_note(board: Leaderboard) -> str:
    """The bound of every difference in the table, in one sentence; "" where there is none."""
    bounds = []
    for row in board.rows:
        entries = [entry for index in chosen_columns(board) if (entry := row.entries[index])]
        words = [f"{bound_words(entry.change)} on {_short(entry.column)}" for entry in entries if entry.change]
        bounds += [f"{row.run.name} {', '.join(words)}"] if words and row.parent else []
    return f"Bounds of these differences, one-sided 95 %: {'; '.join(bounds)}." if bounds else ""
