"""A leaderboard for slides: one number with its interval a cell, as text with tabs, which slides and spreadsheets take."""

from __future__ import annotations

from mcqa_suite.analysis.leaderboard import Entry, Leaderboard
from mcqa_suite.reporting.leaderboard import name_of, size_columns
from mcqa_suite.reporting.tables import interval_in_unit
from mcqa_suite.reporting.task_names import readable


def slides(board: Leaderboard) -> str:
    """A line for each model: its scores with their intervals, and its sizes."""
    sizes = size_columns(board)
    lines = [["model", *(readable(column.title) for column in board.columns), *sizes]]
    for index, row in enumerate(board.rows):
        lines.append([name_of(row), *map(_cell, row.entries), *(column[index][1] for column in sizes.values())])
    return "".join("\t".join(" ".join(text.split()) for text in line) + "\n" for line in lines)


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return "–"
    return "not valid" if entry.failed_check else interval_in_unit(entry.accuracy, entry.column.metric)
