"""The accuracy of every draw of a set of templates."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np

from mcqa_suite.analysis.variance import Drawn
from mcqa_suite.reporting.figures.layout import line_axes
from mcqa_suite.reporting.figures.style import BETTER, INK, LINE, SETTINGS, Plot
from mcqa_suite.reporting.tables import percent


@mpl.rc_context(SETTINGS)
def draws(runs: Sequence[Drawn]) -> Plot:
    """Plot one line per task and run: the accuracy of each draw as a dot, the mean, and its interval over templates."""
    tasks = list(dict.fromkeys(task for run in runs for task in run.tasks))
    groups = [(task, [run for run in runs if task in run.tasks]) for task in tasks]
    figure, axes, heights = line_axes([(task, [run.run for run in rows]) for task, rows in groups], inches=0.24)
    words = []
    for y, (task, run) in zip(heights, [(task, run) for task, rows in groups for run in rows], strict=True):
        result = run.tasks[task]
        rates = 100 * result.by_instance
        axes.plot([100 * result.mean.low, 100 * result.mean.high], [y, y], color=LINE, lw=6, solid_capstyle="butt")
        axes.plot(rates, y + _offsets(rates), "o", color=BETTER, ms=3, alpha=0.55, mew=0)
        axes.plot([100 * result.mean.value] * 2, [y - 0.36, y + 0.36], color=INK, lw=1.4)
        std = f", standard deviation {percent(result.std)} points" if result.std is not None else ""
        words.append(f"{run.run} on {task}: mean {percent(result.mean.value)} % over {len(rates)} draws{std}")
    axes.set_xlabel("accuracy of one draw of the set (%)")
    axes.grid(axis="x")
    return Plot(
        "variance",
        "How much a score depends on the draw",
        "A dot is the accuracy of one draw: one instance of every template. The line is the mean over draws, the bar its 95 % "
        "interval over templates.",
        "; ".join(words),
        figure,
    )


def _offsets(rates: np.ndarray) -> np.ndarray:
    """Vertical offsets, at most a third of a line, so that dots of equal accuracy do not overlap."""
    offsets = np.zeros(len(rates))
    for value in np.unique(rates):
        same = np.flatnonzero(rates == value)
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * min(0.14, 0.66 / max(1, len(same) - 1))
    return offsets
