"""The accuracy of the steps that a training kept, as an SVG: from its parent at step 0 to its end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from mcqa_suite.analysis.leaderboard import Leaderboard
from mcqa_suite.common.files import write_bytes
from mcqa_suite.reporting.figures import style
from mcqa_suite.reporting.rung_table import chosen_columns
from mcqa_suite.reporting.task_names import readable


def save(stage: str, board: Leaderboard, steps: Sequence[tuple[int, str]], path: Path) -> None:
    """`steps`: the number of steps and the rung of each point, in order. A task that is no share of 1 is left out."""
    rows = {row.run.name: row for row in board.rows}
    with mpl.rc_context(style.SETTINGS):
        figure = Figure(figsize=(style.WIDTH, 3.2), layout="constrained")
        axes = figure.subplots()
        for index, marker in zip(chosen_columns(board), cycle("osD^vP"), strict=False):
            points = [(step, entry) for step, rung in steps if rung in rows and (entry := rows[rung].entries[index])]
            if not points or points[0][1].scores.values.max() > 1:
                continue
            xs, ys = [step for step, _ in points], [100 * entry.accuracy.value for _, entry in points]
            low = [y - 100 * entry.accuracy.low for y, (_, entry) in zip(ys, points, strict=True)]
            high = [100 * entry.accuracy.high - y for y, (_, entry) in zip(ys, points, strict=True)]
            label = readable(board.columns[index].title)
            axes.errorbar(xs, ys, [low, high], marker=marker, ms=4, lw=1.2, elinewidth=0.7, capsize=2, label=label)
        axes.set_xlabel(f"steps of {stage}")
        axes.set_ylabel("accuracy, % (95 % intervals)")
        axes.grid(axis="y")
        axes.legend(frameon=False, fontsize=7.5)
        data = style.svg(figure, f"steps_{stage}")
    write_bytes(path, data)
