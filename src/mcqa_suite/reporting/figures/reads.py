"""The shares of generated answers that could be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.reporting.figures.layout import MOST_TASKS, TASKS, capped, line_axes, margin_text
from mcqa_suite.reporting.figures.style import BETTER, FLOOR, REST, WORSE, Plot
from mcqa_suite.reporting.tables import percent

# (state, colour) of a generated answer; the last state collects all other reasons.
STATES = (("read", BETTER), ("refused", FLOOR), ("truncated", WORSE), ("otherwise unread", REST))


def reads(models: Sequence[Run]) -> Plot | None:
    """Plot the shares of answers that were read, refused, truncated, or not read for another reason."""
    tasks: dict[tuple[str, str], list[tuple[str, list[float]]]] = {}
    for run in models:
        for key, task in run.tasks.items():
            if task.unread is not None:
                tasks.setdefault(key, []).append((run.name, _states(task)))
    if not tasks:
        return None
    shown = [(name, rows) for (name, _filter), rows in list(tasks.items())[:MOST_TASKS]]
    figure, axes, heights = line_axes([(name, [model for model, _ in rows]) for name, rows in shown])
    words = []
    lines = [(name, model, shares) for name, rows in shown for model, shares in rows]
    for y, (name, model, shares) in zip(heights, lines, strict=True):
        starts = np.concatenate([[0.0], np.cumsum(shares)[:-1]])
        for (state, colour), start, share in zip(STATES, starts, shares, strict=True):
            legend = state if y == heights[0] else ""
            axes.barh(y, 100 * share, left=100 * start, color=colour, height=0.66, label=legend)
        margin_text(axes, y, f"{percent(shares[0])} % read")
        text = ", ".join(
            f"{state} {percent(share)} %" for (state, _), share in zip(STATES, shares, strict=True) if share
        )
        words.append(f"{model} on {name}: {text}")
    axes.set(xlim=(0, 100), xlabel="share of responses (%)")
    figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    return Plot(
        "reads",
        "Generated answers that could be read",
        "Read: an answer was extracted. Refused, truncated and otherwise unread answers count as wrong."
        f"{capped(len(shown), len(tasks), TASKS)}",
        "; ".join(words),
        figure,
    )


def _states(task: TaskRun) -> list[float]:
    """Shares in the order of STATES."""
    scores, unread = task.samples.scores, task.unread or 0.0
    refused, truncated = (float(np.nanmean(scores.get(name, [0.0]))) for name in ("refused", "truncated"))
    return [1 - unread, refused, truncated, max(0.0, unread - refused - truncated)]
