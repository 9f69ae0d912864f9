"""The scores of a sweep as an SVG: points with their intervals along one key, a heat map over more."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mcqa_suite.common.files import write_bytes
from mcqa_suite.ladder.sweep import shown
from mcqa_suite.ladder.sweep_results import Score, SweepScores
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.reporting.figures import style


def save(scores: SweepScores, path: Path) -> None:
    *outer, inner = scores.sweep.keys
    columns = _values(scores, inner)
    rows = list(itertools.product(*(_values(scores, key) for key in outer)))
    with mpl.rc_context(style.SETTINGS):
        size = (1.4 + 0.95 * len(columns), 2.6 if not outer else 1.2 + 0.36 * len(rows))
        figure = Figure(figsize=(max(size[0], 3.4), size[1]), layout="constrained")
        axes = figure.subplots()
        if outer:
            _heat_map(axes, scores, [(*row, column) for row in rows for column in columns], len(columns))
            axes.set_yticks(range(len(rows)), [", ".join(row) for row in rows])
            axes.set_ylabel(", ".join(outer))
        else:
            _intervals(axes, scores)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_xlabel(inner)
        bold = "; bold: not told from the best" if outer and scores.best.interval else ""
        unit = " (%)" if _factor(scores) > 1 else ""
        axes.set_title(f"{scores.sweep.name}: {scores.sweep.criterion}{unit}{bold}")
        data = style.svg(figure, scores.sweep.name)
    write_bytes(path, data)


def _values(scores: SweepScores, key: str) -> list[str]:
    """The values of a key in the grid's order."""
    return list(dict.fromkeys(shown(score.point.values[key]) for score in scores.scores))


def _factor(scores: SweepScores) -> int:
    """Shares with an interval are drawn in per cent."""
    return 100 if scores.best.interval and is_share(scores.sweep.criterion.metric) else 1


def _intervals(axes: Axes, scores: SweepScores) -> None:
    factor = _factor(scores)
    for x, score in enumerate(scores.scores):
        colour = style.BETTER if score is scores.best else style.SAME
        if score.interval:
            axes.plot([x, x], [factor * score.interval.low, factor * score.interval.high], color=colour, linewidth=1.2)
        axes.plot([x], [factor * score.value], "o", color=colour, markersize=6 if score is scores.best else 4)
    axes.grid(axis="y")
    axes.margins(x=0.15)


def _heat_map(axes: Axes, scores: SweepScores, cells: list[tuple[str, ...]], width: int) -> None:
    """Values as shades and numbers; the best is outlined, and what does not differ from it significantly is in bold."""
    by_values: dict[tuple[str, ...], Score] = {
        tuple(shown(value) for value in score.point.values.values()): score for score in scores.scores
    }
    ordered = [by_values[cell] for cell in cells if cell in by_values]
    values = [_factor(scores) * score.value for score in ordered]
    grid = [values[start : start + width] for start in range(0, len(values), width)]
    colours = LinearSegmentedColormap.from_list("sweep", [style.PAPER, style.BETTER])
    low, high = min(values), max(values)
    axes.imshow(grid, cmap=colours, vmin=low, vmax=high + 0.6 * (high - low or 1), aspect="auto")
    for index, score in enumerate(ordered):
        y, x = divmod(index, width)
        bold = score is scores.best or (score.behind and not score.is_significant)
        text = f"{values[index]:.1f}" if _factor(scores) > 1 else f"{values[index]:.3g}"
        axes.text(x, y, text, ha="center", va="center", fontweight="bold" if bold else "normal")
        if score is scores.best:
            axes.add_patch(
                Rectangle((x - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor=style.WORSE, linewidth=1.6)
            )
    axes.spines[:].set_visible(False)
