"""A sweep's board for people and programs: Markdown with its verdict, and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from mcqa_suite.ladder.sweep import shown
from mcqa_suite.ladder.sweep_results.board import Board, Entry, Score
from mcqa_suite.stats import Estimate

# Other figures of the manifests that get a column, with its title and unit; no loss, which is another quantity at every beta.
FIGURES = {
    "reward_accuracy": ("reward accuracy %", 100),
    "reward_ties": ("ties", 1),
    "reward_margin": ("margin", 1),
    "shorter_accuracy": ("shorter is right %", 100),
}


def verdict(board: Board) -> str:
    """The best, its lead over the second, and whether noise could have made it."""
    best, second = board.ranked[:2]
    words = f"Best: **{best.point.stage}** ({_number(best.value, best.interval)})"
    if second.behind is None:
        lead = f"{abs(best.value - second.value):.4g}"
        return f"{words}, {lead} from the second, {second.point.stage}; how much of this is noise is not known."
    ahead = Estimate(-second.behind.value, -second.behind.high, -second.behind.low, second.behind.n)
    noise = "more than noise" if second.is_told_apart else "no more than noise, so the choice between them is open"
    alike = sum(not score.is_told_apart for score in board.scores) - 1
    others = len(board.scores) - 1
    return (
        f"{words}, {_points(ahead)} points before the second, {second.point.stage}: {noise}. "
        f"Of {others} other{'s' * (others > 1)} {alike} cannot be told from it. It was chosen among {len(board.scores)} on "
        "these very items, so its own figure flatters it: confirm it on others."
    )


def markdown(board: Board, entries: Mapping[str, Entry]) -> str:
    """A row a point in the grid's order, the best marked."""
    sweep = board.sweep
    first = entries[sweep.points[0].stage].metrics
    extra = [key for key in FIGURES if key in first and key != sweep.criterion.metric]
    n = board.best.interval.n if board.best.interval else None
    percent = " %" if board.best.interval else ""
    header = ["stage", *sweep.keys, f"{sweep.criterion}{percent}", "95 % interval", "to the best (points)"]
    header += [FIGURES[key][0] for key in extra]
    lines = [f"### sweep {sweep.name}, {sweep.criterion} ({len(board.scores)} points{f', n = {n}' if n else ''})", ""]
    lines += ["| " + " | ".join(header) + " |", "|" + "---|" * (1 + len(sweep.keys)) + "---:|" * (3 + len(extra))]
    for s in board.scores:
        name = f"**{s.point.stage}**" if s is board.best else s.point.stage
        values = [shown(s.point.values[key]) for key in sweep.keys]
        figures = [_cell(entries[s.point.stage].metrics.get(key), FIGURES[key][1]) for key in extra]
        lines.append("| " + " | ".join([name, *values, _number(s.value, s.interval), *_intervals(s), *figures]) + " |")
    how = (
        "question by question" if board.paired else "as of two independent samples, which on the same pairs is too wide"
    )
    note = f"\n\nDifferences are {how}; `*` marks one whose interval leaves out 0 (not corrected for the number of points)."
    return "\n".join(lines) + f"\n\n{verdict(board)}" + (note if board.best.interval else "") + "\n"


def as_csv(board: Board) -> str:
    """Every number of the table, as fractions, one row a point."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = board.sweep.keys
    three = ("value", "low", "high")
    writer.writerow(["stage", *keys, "criterion", *three, "n", *(f"to_best_{name}" for name in three), "best"])
    for s in board.scores:
        interval = [s.interval.low, s.interval.high, s.interval.n] if s.interval else [None] * 3
        behind = [s.behind.value, s.behind.low, s.behind.high] if s.behind else [None] * 3
        numbers = ["" if number is None else f"{number:.6g}" for number in (s.value, *interval, *behind)]
        values = [shown(s.point.values[key]) for key in keys]
        writer.writerow([s.point.stage, *values, str(board.sweep.criterion), *numbers, int(s is board.best)])
    return out.getvalue()


def _number(value: float, interval: Estimate | None) -> str:
    return f"{100 * value:.1f}" if interval else f"{value:.4g}"


def _intervals(s: Score) -> tuple[str, str]:
    own = f"{100 * s.interval.low:.1f} to {100 * s.interval.high:.1f}" if s.interval else ""
    if s.behind is None:
        return own, ""
    return own, _points(s.behind) + (" *" if s.is_told_apart else "")


def _points(difference: Estimate) -> str:
    return f"{100 * difference.value + 0.0:+.1f} ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def _cell(value: Any, unit: int) -> str:
    return f"{unit * value:.4g}" if isinstance(value, int | float) else ""
