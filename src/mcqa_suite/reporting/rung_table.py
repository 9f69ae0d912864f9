"""A ladder in a table or a few: rungs by tasks, each with its difference to the parent."""

from __future__ import annotations

from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard, TaskColumn
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
from mcqa_suite.reporting.comparison_data import mark
from mcqa_suite.reporting.leaderboard import mark_of, name_of, size_columns
from mcqa_suite.reporting.leaderboard_notes import invalid_differences, warning_lines
from mcqa_suite.reporting.tables import Table, percent, points
from mcqa_suite.reporting.task_names import readable

CLOZE, LETTER, WRITTEN, OTHER = (
    "Options scored by their text (cloze)",
    "Options scored by their letter",
    "Written answers",
    "Other tasks",
)
STAR = "*: a significant loss or gain, also after Holm's correction; never where a check failed."
MOST_TASKS = 6  # in one table; with more there is a table for each form of answer


def rung_tables(board: Leaderboard) -> list[Table]:
    """One row a rung, one column a task: the score in %, then the difference to the parent in points.

    One table; where that would be too wide, one for each form of answer, and the sizes in the first.
    """
    indices = chosen_columns(board)
    if len(indices) <= MOST_TASKS:
        return [_table(board, "", indices, sizes=True)]
    forms: dict[str, list[int]] = {CLOZE: [], LETTER: [], WRITTEN: [], OTHER: []}
    for index in indices:
        forms[_form(board, index)].append(index)
    filled = {title: of_form for title, of_form in forms.items() if of_form}
    return [_table(board, title, of_form, sizes=title == next(iter(filled))) for title, of_form in filled.items()]


def _form(board: Leaderboard, index: int) -> str:
    if any(entry and entry.unread is not None for entry in _entries(board, index)):
        return WRITTEN
    words = readable(board.columns[index].name)
    return CLOZE if words.endswith(", cloze") else LETTER if ", letter" in words else OTHER


def _table(board: Leaderboard, title: str, indices: list[int], *, sizes: bool) -> Table:
    columns = size_columns(board) if sizes else {}
    header = ["model", "parent", *(_title(board.columns[index]) for index in indices), *columns]
    rows = []
    for number, row in enumerate(board.rows):
        if any(row.entries[index] for index in indices):
            cells = [_cell(board, row, row.entries[index]) for index in indices]
            rows.append([name_of(row), row.parent or "", *cells, *(texts[number][1] for texts in columns.values())])
    chance = [percent(board.columns[index].chance) for index in indices]
    if any(chance):
        rows.append(["chance", "", *chance, *[""] * len(columns)])
    return Table(title, header, rows, _notes(board, indices), left=2)


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
    score, unread = percent(entry.accuracy.value) + mark_of(entry), ""
    if entry.unread is not None:
        unread = f" ({percent(entry.unread)} unread)"
    if row.parent is None:
        return score + unread
    compared = entry.change
    if compared is None:
        return f"{score} {ASKED_DIFFERENTLY}{unread}" if entry.differs else score + unread
    doubt = " (not valid)" if compared.verdict == "not valid" else ""
    if compared.left_out:
        doubt += f" (over {len(compared.members)} of {len(entry.column.tasks)} tasks)"
    return f"{score} {points(compared.change.difference.value)}{mark(compared)}{doubt}{unread}"


def _notes(board: Leaderboard, indices: list[int]) -> list[str]:
    ns = {_short(board.columns[i]): next(e.accuracy.n for e in _entries(board, i) if e) for i in indices}
    questions = ", ".join(f"{name} {n}" for name, n in ns.items())
    written = any(entry and entry.unread is not None for index in indices for entry in _entries(board, index))
    unread = " Unread: the answers that could not be read, in %." if written else ""
    lines = [f"In %, then the difference to the parent in points. {STAR}{unread} Questions: {questions}."]
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
