"""The spread over draws of a set of templates: a dot a draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mcqa_suite.analysis.variance import Drawn, spread
from mcqa_suite.reporting.figures.style import BETTER, INK, LINE, WIDTH, Plot, short
from mcqa_suite.reporting.tables import percent


def draws(runs: Sequence[Drawn]) -> Plot:
    """A heading a task, a row a run: every draw's accuracy as a dot, the mean with its interval over templates above them."""
    tasks = list(dict.fromkeys(task for run in runs for task in run.tasks))
    shown = [(task, [run for run in runs if task in run.tasks]) for task in tasks]
    height = 0.9 + 0.24 * sum(len(rows) + 1.2 for _task, rows in shown)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    headings: list[float] = []
    ticks: list[tuple[float, str]] = []
    y, said = 0.0, []
    for task, rows in shown:
        headings.append(y)
        ticks.append((y, short(task)))
        for run in rows:
            y += 1
            ticks.append((y, short(run.run)))
            rates = 100 * run.tasks[task].by_instance
            found = spread(run.tasks[task])
            axes.plot([100 * found.mean.low, 100 * found.mean.high], [y, y], color=LINE, lw=6, solid_capstyle="butt")
            axes.plot(rates, y + _apart(rates), "o", color=BETTER, ms=3, alpha=0.55, mew=0)
            axes.plot([100 * found.mean.value] * 2, [y - 0.36, y + 0.36], color=INK, lw=1.4)
            std = f", standard deviation {percent(found.std)} points" if found.std is not None else ""
            said.append(f"{run.run} on {task}: mean {percent(found.mean.value)} % over {len(rates)} draws{std}")
        y += 1.2
    axes.set(ylim=(y - 0.4, -0.6), xlabel="accuracy of one draw of the set (%)")
    axes.set_yticks([place for place, _name in ticks], [name for _place, name in ticks])
    for (place, _name), label in zip(ticks, axes.get_yticklabels(), strict=True):
        if place in headings:
            label.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    return Plot(
        "variance",
        "How much a score depends on the draw",
        "A dot is one instance of every template; the line is the mean over draws, the bar its 95 % interval over templates.",
        "; ".join(said),
        figure,
    )


def _apart(rates: np.ndarray) -> np.ndarray:
    """Equal accuracies side by side rather than on top of each other: an offset for each, within a third of a row."""
    offsets = np.zeros(len(rates))
    for value in np.unique(rates):
        same = np.flatnonzero(rates == value)
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * min(0.14, 0.66 / max(1, len(same) - 1))
    return offsets
