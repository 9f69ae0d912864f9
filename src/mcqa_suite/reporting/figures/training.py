"""Training curves of the rungs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mcqa_suite.reporting.figures.layout import capped, panels
from mcqa_suite.reporting.figures.style import BETTER, FLOOR, INK, SAME, WORSE, Plot, short
from mcqa_suite.reporting.training_logs import Curve

# The metrics that are drawn, in this order: the name in the log -> the title of the panel.
METRICS = {
    "loss": "training loss",
    "eval_loss": "validation loss",
    "mean_token_accuracy": "tokens right (share)",
    "eval_mean_token_accuracy": "validation tokens right (share)",
    "rewards/accuracies": "chosen over rejected (share)",
    "eval_rewards/accuracies": "validation chosen over rejected (share)",
    "rewards/margins": "reward margin",
    "eval_rewards/margins": "validation reward margin",
    "accuracy": "reward accuracy (share)",
    "eval_accuracy": "validation reward accuracy (share)",
    "grad_norm": "gradient norm",
    "learning_rate": "learning rate",
}
INKS = (BETTER, WORSE, FLOOR, INK, SAME)
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (4, 1.2, 1, 1.2)))
MOST_RUNGS = 8


def training(curves: Sequence[Curve]) -> Plot | None:
    """Plot one panel per metric with one line per trained rung; None where nothing was logged."""
    names = [name for name in METRICS if any(curve.metric == name for curve in curves)]
    trained = list(dict.fromkeys(curve.rung for curve in curves if curve.metric in names))
    rungs = trained[:MOST_RUNGS]
    if not names:
        return None
    figure, axes = panels(len(names), 3, 1.75)
    styles = {rung: (INKS[i % len(INKS)], DASHES[i % len(DASHES)]) for i, rung in enumerate(rungs)}
    words = []
    for ax, name in zip(axes, names, strict=True):
        mine = [curve for curve in curves if curve.metric == name and curve.rung in rungs]
        for curve in mine:
            ink, dash = styles[curve.rung]
            _line(ax, curve, ink, dash)
            words.append(f"{curve.rung}, {METRICS[name]}: {_ends(curve)}")
        ax.set_title(METRICS[name])
        ax.set_xlabel("step", fontsize=7.5)
        ax.set_ylabel(name, fontsize=7)
        ax.grid(axis="y")
        ax.margins(x=0.03)
    handles = [Line2D([], [], color=ink, ls=dash, label=short(rung, 20)) for rung, (ink, dash) in styles.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=6, frameon=False, fontsize=8)
    return Plot(
        "training",
        "Training curves",
        "The metrics that each trained rung logged, by optimiser step; the y axis has the trainer's name of the metric. "
        f"A gap in a line is a value that is not finite.{capped(len(rungs), len(trained), 'trained rungs')}",
        "; ".join(words),
        figure,
    )


def _line(ax: Axes, curve: Curve, ink: str, dash: object) -> None:
    values = np.where(np.isfinite(curve.values), curve.values, np.nan)
    alone = len(values) == 1
    ax.plot(curve.steps, values, color=ink, ls=dash, lw=1.4, marker="o" if alone else "", ms=3.5)


def _ends(curve: Curve) -> str:
    first, last = curve.values[0], curve.values[-1]
    return f"{first:.3g} at step {curve.steps[0]:g}, {last:.3g} at step {curve.steps[-1]:g}"
