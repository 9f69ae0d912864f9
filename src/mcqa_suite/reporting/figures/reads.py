"""Figure of the answers that could be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.reporting.figures.layout import line_plot, margin_text
from mcqa_suite.reporting.figures.style import DATA, INK, LINE, SAME, Plot
from mcqa_suite.reporting.tables import percent
from mcqa_suite.reporting.task_names import readable

# (state, colour) of a generated answer; the last state collects all other reasons.
STATES = (("read", DATA), ("refused", INK), ("truncated", SAME), ("otherwise unread", LINE))


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
