"""A sweep's board as a figure: points with their intervals along one key, a heat map over more. SVG."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.ladder.sweep import shown
from mcqa_suite.ladder.sweep_results.board import Board, Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save(board: Board, path: Path) -> None:
    """Writes the SVG; ImportError where matplotlib or what the report draws with is missing."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from mcqa_suite.reporting.figures import style

    *outer, inner = board.sweep.keys
    columns = _values(board, inner)
    rows = list(itertools.product(*(_values(board, key) for key in outer)))
    with mpl.rc_context(style.SETTINGS):
        size = (1.4 + 0.95 * len(columns), 2.6 if not outer else 1.2 + 0.36 * len(rows))
        figure = Figure(figsize=(max(size[0], 3.4), size[1]), layout="constrained")
        axes = figure.subplots()
        if outer:
            _heat_map(axes, board, [(*row, column) for row in rows for column in columns], len(columns))
            axes.set_yticks(range(len(rows)), [", ".join(row) for row in rows])
            axes.set_ylabel(", ".join(outer))
        else:
            _intervals(axes, board)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_xlabel(inner)
        bold = "; bold: not told from the best" if outer and board.best.interval else ""
        axes.set_title(f"{board.sweep.name}: {board.sweep.criterion}{' (%)' if board.best.interval else ''}{bold}")
        data = style.svg(figure, board.sweep.name)
    path.write_bytes(data)


def _values(board: Board, key: str) -> list[str]:
    """The values of a key in the grid's order."""
    return list(dict.fromkeys(shown(score.point.values[key]) for score in board.scores))


def _scaled(board: Board, value: float) -> float:
    return 100 * value if board.best.interval else value


def _intervals(axes: Axes, board: Board) -> None:
    from mcqa_suite.reporting.figures import style

    for x, score in enumerate(board.scores):
        colour = style.BETTER if score is board.best else style.SAME
        if score.interval:
            axes.plot([x, x], [100 * score.interval.low, 100 * score.interval.high], color=colour, linewidth=1.2)
        axes.plot([x], [_scaled(board, score.value)], "o", color=colour, markersize=6 if score is board.best else 4)
    axes.grid(axis="y")
    axes.margins(x=0.15)


def _heat_map(axes: Axes, board: Board, places: list[tuple[str, ...]], width: int) -> None:
    """Values as shades and as numbers; the best is outlined, and what noise parts from it by nothing is in bold."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    from mcqa_suite.reporting.figures import style

    by_place: dict[tuple[str, ...], Score] = {
        tuple(shown(value) for value in score.point.values.values()): score for score in board.scores
    }
    scores = [by_place[place] for place in places if place in by_place]
    values = [_scaled(board, score.value) for score in scores]
    grid = [values[start : start + width] for start in range(0, len(values), width)]
    colours = LinearSegmentedColormap.from_list("sweep", [style.PAPER, style.BETTER])
    low, high = min(values), max(values)
    axes.imshow(grid, cmap=colours, vmin=low, vmax=high + 0.6 * (high - low or 1), aspect="auto")
    for index, score in enumerate(scores):
        y, x = divmod(index, width)
        weight = "bold" if score is board.best or (score.behind and not score.is_told_apart) else "normal"
        text = f"{values[index]:.1f}" if score.interval else f"{values[index]:.3g}"
        axes.text(x, y, text, ha="center", va="center", fontweight=weight)
        if score is board.best:
            axes.add_patch(
                Rectangle((x - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor=style.WORSE, linewidth=1.6)
            )
    axes.spines[:].set_visible(False)
