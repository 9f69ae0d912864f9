"""Figures of single runs: accuracy against the size of the model, and the answers that could be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from mcqa_suite.analysis.leaderboard import BoardRow, Leaderboard, TaskColumn
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.reporting.figures.layout import MOST_TASKS, TASKS, capped, line_plot, margin_text, panels, scale
from mcqa_suite.reporting.figures.style import DATA, INK, LINE, MUTED, SAME, Plot, short
from mcqa_suite.reporting.tables import in_unit, percent, unit
from mcqa_suite.reporting.task_names import readable

# (state, colour) of a generated answer; the last state collects all other reasons.
STATES = (("read", DATA), ("refused", INK), ("truncated", SAME), ("otherwise unread", LINE))


def against_bits(board: Leaderboard, base: Run | None, floor: Run | None) -> Plot | None:
    """Plot accuracy over bits per weight; None for fewer than two different sizes."""
    rows = [row for row in board.rows if row.run is not floor and row.run.origin.bits_per_weight]
    if len({_bits(row) for row in rows}) < 2:
        return None
    columns = board.columns[:MOST_TASKS]
    figure, axes = panels(len(columns), 2, 2.15)
    full = max(rows, key=lambda row: (_bits(row), row.run is base))
    words = []
    for index, (ax, column) in enumerate(zip(axes, columns, strict=True)):
        if entry := full.entries[index]:
            ax.axhline(scale(column.metric) * entry.accuracy.value, color=INK, lw=1, ls=(0, (5, 2)))
        if column.chance is not None:
            ax.axhline(100 * column.chance, color=MUTED, lw=1, ls=(0, (1, 2)))
        words += _panel(ax, rows, index, column)
        ax.set_title(short(column.title))
        ax.set_ylabel(f"{short(column.metric)}{unit(column.metric, ' (%)')}")
        ax.grid(axis="y")
    for ax in axes[-2:]:
        ax.set_xlabel("bits per weight (log scale)")
    return Plot(
        "accuracy-bits",
        "Accuracy and the size of the model",
        f"Accuracy with its 95 % interval over bits per weight. Dashed line: {short(full.run.name)}, at full precision; "
        "dotted line: chance. Cross: the model's scores on the task are not valid."
        f"{capped(len(columns), len(board.columns), TASKS)}",
        "; ".join(words),
        figure,
    )


def _bits(row: BoardRow) -> float:
    return row.run.origin.bits_per_weight or 1


def _panel(ax: Axes, rows: Sequence[BoardRow], index: int, column: TaskColumn) -> list[str]:
    ax.set_xscale("log", base=2)
    sizes = [_bits(row) for row in rows]
    low, high = min(sizes) / 1.3, max(sizes) * 1.45
    ax.set_xlim(low, high)
    ticks = [tick for tick in (1, 2, 3, 4, 6, 8, 12, 16, 32) if low <= tick <= high]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    points = [(row, entry) for row in rows if (entry := row.entries[index])]
    offsets = _offsets([(_bits(row), entry.accuracy.value) for row, entry in points])
    labels: dict[tuple[float, int], list[tuple[str, float]]] = {}
    words = []
    for (row, entry), offset in zip(points, offsets, strict=True):
        x, estimate, factor = _bits(row), entry.accuracy, scale(column.metric)
        ax.plot([x, x], [factor * estimate.low, factor * estimate.high], color=SAME, lw=1.2)
        ax.plot([x], [factor * estimate.value], "X" if entry.failed_check else "o", color=DATA, ms=5)
        end = factor * (estimate.high if offset > 0 else estimate.low)
        labels.setdefault((x, offset), []).append((row.run.name, end))
        text = f"{in_unit(estimate.value, column.metric)}{unit(column.metric, ' %')}"
        words.append(f"{row.run.name} at {x:.2f} bits on {column.title}: {text}")
    for (x, offset), models in labels.items():  # models of one size share a label on each side
        ends = [end for _, end in models]
        ax.annotate(
            short(", ".join(name for name, _ in models)),
            (x, max(ends) if offset > 0 else min(ends)),
            (0, offset),
            textcoords="offset points",
            ha="center",
            va="bottom" if offset > 0 else "top",
            fontsize=7.5,
        )
    ax.margins(y=0.3)
    return words


def _offsets(points: Sequence[tuple[float, float]]) -> list[int]:
    """The distance of each label from its point, in points of text; negative puts the label below.

    Where several models have one size, the best has its label above. Where a size has one model, labels alternate.
    """
    sizes = sorted({x for x, _ in points})
    single = [x for x in sizes if sum(x == other for other, _ in points) == 1]
    best = {x: max(value for other, value in points if other == x) for x in sizes}
    return [(3, -3, 11, -11)[single.index(x) % 4] if x in single else 3 if y == best[x] else -3 for x, y in points]


def reads(models: Sequence[Run]) -> Plot | None:
    """Plot the shares of answers that were read, refused, truncated, or not read for another reason."""
    tasks: dict[tuple[str, str], list[tuple[str, TaskRun]]] = {}
    for run in models:
        for key, task in run.tasks.items():
            if task.unread is not None:
                tasks.setdefault(key, []).append((run.name, task))
    if not tasks:
        return None
    words = (
        "reads",
        "Generated answers that could be read",
        "Read: an answer was extracted. Refused, truncated and otherwise unread answers count as wrong.",
    )
    groups = [(readable(lines[0][1].title), lines) for lines in tasks.values()]
    plot, axes, _heights = line_plot(words, groups, _reads_line, "share of responses (%)")
    axes.set_xlim(0, 100)
    axes.grid(visible=False)
    handles = [Patch(facecolor=colour, label=state) for state, colour in STATES]
    plot.figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    return plot


def _reads_line(axes: Axes, y: float, task: TaskRun) -> str:
    """Draw the shares of the states as a stacked bar; return them as text."""
    scores, unread = task.samples.scores, task.unread or 0.0
    refused, truncated = (float(np.nanmean(scores.get(name, [0.0]))) for name in ("refused", "truncated"))
    shares = [1 - unread, refused, truncated, max(0.0, unread - refused - truncated)]
    starts = np.cumsum([0.0, *shares[:-1]])
    axes.barh(y, 100 * np.array(shares), left=100 * starts, color=[colour for _, colour in STATES], height=0.66)
    margin_text(axes, y, f"{percent(shares[0])} % read")
    return ", ".join(f"{state} {percent(share)} %" for (state, _), share in zip(STATES, shares, strict=True) if share)
