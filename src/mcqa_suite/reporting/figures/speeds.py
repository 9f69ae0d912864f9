"""Figure of the accuracy of each model against what it costs to use, one panel for each cost."""

from __future__ import annotations

from matplotlib.axes import Axes

from mcqa_suite.analysis.leaderboard import BoardRow, Leaderboard
from mcqa_suite.reporting.figures.layout import panels, scale
from mcqa_suite.reporting.figures.style import DATA, SAME, Plot, short
from mcqa_suite.reporting.tables import unit
from mcqa_suite.reporting.task_names import readable
from mcqa_suite.stats.intervals import Estimate

COSTS = {
    "latency_ms": "ms to the first token",
    "tokens_per_second": "tokens read a second",
    "written_per_second": "tokens written a second",
    "peak_memory_mb": "peak memory, MB",
}
Point = tuple[str, float, Estimate]  # a model, what it costs, its score


def against_speed(board: Leaderboard) -> Plot | None:
    """Plot the macro mean, or the score on the only task, over each cost; None where no cost of two models is known."""
    scored = [(row, score) for row in board.rows if (score := _score(board, row))]
    costs: dict[str, list[Point]] = {}
    for name, title in COSTS.items():
        points = [(row.run.name, x, score) for row, score in scored if (x := getattr(row.run.origin.speed, name))]
        if len({x for _, x, _ in points}) > 1:
            costs[title] = points
    if not costs:
        return None
    metric = board.ranked_by[0].metric
    figure, axes = panels(len(costs), 2, 2.3)
    words = []
    for ax, (title, points) in zip(axes, costs.items(), strict=True):
        _panel(ax, points, scale(metric))
        ax.set_xlabel(title)
        ax.set_ylabel(f"{'mean ' * (len(board.ranked_by) > 1)}{short(metric)}{unit(metric, ' (%)')}")
        words += [f"{name}: {x:.3g} {title}" for name, x, _ in points]
    of = "Macro mean" if len(board.ranked_by) > 1 else readable(board.ranked_by[0].title)
    caption = f"{of} with its 95 % interval, over what the evaluation measured; see Size and speed."
    return Plot("speed", "Accuracy and speed", caption, "; ".join(words), figure)


def _score(board: Leaderboard, row: BoardRow) -> Estimate | None:
    if row.macro or len(board.ranked_by) != 1:
        return row.macro
    entry = row.entries[board.columns.index(board.ranked_by[0])]
    return entry.accuracy if entry and not entry.failed_check else None


def _panel(ax: Axes, points: list[Point], factor: int) -> None:
    for number, (name, x, score) in enumerate(sorted(points, key=lambda point: point[1])):
        ax.plot([x, x], [factor * score.low, factor * score.high], color=SAME, lw=1.2)
        ax.plot([x], [factor * score.value], "o", color=DATA, ms=5)
        above = number % 2 == 0
        ax.annotate(
            short(name, 16),
            (x, factor * (score.high if above else score.low)),
            (0, 3 if above else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=7.5,
        )
    ax.margins(x=0.12, y=0.25)
    ax.grid(axis="y")
