"""What each model of a leaderboard costs to use: size, time and memory."""

from __future__ import annotations

from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.common.speed import NO_SPEED
from mcqa_suite.reporting.leaderboard import name_of, size_columns
from mcqa_suite.reporting.tables import Table, number

NOTE = (
    "Measured by the evaluation on prompts of 128 tokens: the latency is the time to the first token of an answer, read is in "
    "batches of 8, written is one answer of 32 tokens. Only rows from one machine can be compared; models that were evaluated "
    "at once slowed each other."
)


def speed_table(board: Leaderboard) -> Table | None:
    """A row for each model, a column for each figure; None where no speed was measured."""
    speeds = [row.run.origin.speed for row in board.rows]
    if all(speed == NO_SPEED for speed in speeds):
        return None
    sizes = size_columns(board)
    header = ["model", *sizes, "load s", "latency ms", "read tokens/s", "written tokens/s", "peak GB"]
    lines = [
        [
            name_of(row),
            *(cells[index][1] for cells in sizes.values()),
            number(speed.load_seconds, 1),
            number(speed.latency_ms, 0),
            number(speed.tokens_per_second, 0),
            number(speed.written_per_second, 1),
            number(speed.peak_memory_mb and speed.peak_memory_mb / 1000, 2),
        ]
        for index, (row, speed) in enumerate(zip(board.rows, speeds, strict=True))
    ]
    return Table("Size and speed", header, lines, (NOTE,)).without_empty_columns()
