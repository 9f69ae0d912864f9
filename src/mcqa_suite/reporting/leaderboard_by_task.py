"""A leaderboard as one table for each task: models with their differences to the parent."""

from __future__ import annotations

from mcqa_suite.analysis.compare import bound_words, verdict_words
from mcqa_suite.analysis.leaderboard import BoardRow, Entry, Leaderboard, TaskColumn
from mcqa_suite.logs.settings import ASKED_DIFFERENTLY
from mcqa_suite.reporting import tables
from mcqa_suite.reporting.comparison_data import difference_text
from mcqa_suite.reporting.leaderboard import INTERVALS, mark_of, name_of, size_columns
from mcqa_suite.reporting.leaderboard_notes import cluster_lines, families_line, invalid_differences
from mcqa_suite.reporting.tables import Table, p_value, percent, percent_range

BY_TASK = (
    "model",
    "acc %",
    "95 % interval",
    "difference to parent (points)",
    "p Holm",
    "verdict",
    "at 95 %",
    "unread %",
)


def tables_by_task(board: Leaderboard) -> list[Table]:
    """One table for each group, other task, and metric: models with their differences to the parent."""
    return [_task_table(board, index, column) for index, column in enumerate(board.columns) if not column.in_group]


def _task_table(board: Leaderboard, index: int, column: TaskColumn) -> Table:
    sizes = size_columns(board)
    lines, unpaired, invalid, warned, refused = [], [], [], [], []
    for number_of_row, row in enumerate(board.rows):
        entry = row.entries[index]
        if entry is None:
            continue
        lines.append([*_task_cells(row, entry), *(values[number_of_row][1] for values in sizes.values())])
        unpaired += [f"{row.run.name}: {entry.unpaired}"] if entry.unpaired else []
        invalid += [f"{row.run.name}: {entry.failed_check}"] if entry.failed_check else []
        warned += [] if entry.failed_check else [f"{row.run.name}: {detail}" for detail in entry.warnings]
        refused += [f"{row.run.name}: {entry.differs}"] if entry.differs else []
    chance = f"chance {percent(column.chance)} %" if column.chance is not None else "no guessing"
    if column.constant:
        chance += f", always {column.constant[0]} {percent(column.constant[1])} %"
    n = next(entry.accuracy.n for row in board.rows if (entry := row.entries[index]))
    shots = "/".join(map(str, dict.fromkeys(column.shots)))
    mean = f"{column.mean.words} of {len(column.tasks)} tasks, " if column.mean else ""
    title = f"{column.title}, {column.metric} ({mean}n = {n}, {chance}, {shots}-shot)"
    differ = "Documents that differ between the runs, left out of the difference"
    foot = [f"{differ}: {', '.join(unpaired)}."] if unpaired else []
    foot += [f"Asked differently, so not subtracted: {'; '.join(refused)}."] if refused else []
    foot += [f"† not valid: {'; '.join(invalid)}."] if invalid else []
    foot += [f"Difference not valid: {line}." for line in invalid_differences(board, [index])]
    foot += [f"‡ {'; '.join(warned)}."] if warned else []
    return Table(title, [*BY_TASK, *sizes], lines, foot).without_empty_columns()


def _task_cells(row: BoardRow, entry: Entry) -> list[str]:
    accuracy, change = entry.accuracy, entry.change
    cells = (
        [difference_text(change), p_value(change.p_holm), verdict_words(change), bound_words(change)]
        if change
        else [entry.differs and ASKED_DIFFERENTLY, "", "", ""]
    )
    return [
        name_of(row),
        percent(accuracy.value) + mark_of(entry),
        percent_range(accuracy),
        *cells,
        percent(entry.unread),
    ]


def markdown_by_task(board: Leaderboard) -> str:
    """The text of the ladder's leaderboard.md."""
    parts = [tables.markdown(table) for table in tables_by_task(board)]
    clusters = "".join(f"{line}. " for line in cluster_lines(board))
    return "\n".join([*parts, f"{clusters}{INTERVALS} {families_line(board)} Unread counts as wrong.\n"])
