"""Training curves: the training logs of a ladder's rungs, and their figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mcqa_suite.common.errors import CheckpointError, DatasetError
from mcqa_suite.common.files import inside, read_text
from mcqa_suite.common.json_text import loads
from mcqa_suite.common.manifest import TRAINING_LOG, read_manifest
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.figures.layout import capped, panels
from mcqa_suite.reporting.figures.style import DATA, INK, SAME, Plot, short

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
INKS = (DATA, INK, SAME)
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (4, 1.2, 1, 1.2)))
MOST_RUNGS = 8
LARGEST = 1e30  # of what is drawn: the margins of an axis up to 1e308 have no number


@dataclass(frozen=True)
class Curve:
    """The values of one metric of one rung, and the steps at which they were logged."""

    rung: str
    metric: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


def logs_of(runs: Iterable[Run]) -> dict[str, Path]:
    """The training log of each run that has one: for <folder>/evaluations/<rung> it is in <folder>/checkpoints/<rung>."""
    logs = {}
    for run in runs:
        folder = run.path.resolve()
        try:
            parent = read_manifest(run.path).parent
        except CheckpointError:
            parent = None
        rung = parent.name if parent else folder.name
        logs[run.name] = inside(folder.parent.parent / "checkpoints", rung) / TRAINING_LOG
    return {name: path for name, path in logs.items() if path.is_file()}


def read_curves(logs: Mapping[str, Path]) -> tuple[list[Curve], list[str]]:
    """The curves of all logs that exist, and one error line for each log that cannot be read."""
    curves: list[Curve] = []
    errors: list[str] = []
    for rung, path in logs.items():
        try:
            curves += _curves(rung, path) if path.is_file() else []  # a quantised rung has no log
        except DatasetError as error:
            errors.append(str(error))
    return curves, errors


def _curves(rung: str, path: Path) -> list[Curve]:
    points: dict[str, dict[float, float]] = {}
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); train the rung again") from error
    for number, line in enumerate(lines, 1):
        try:
            entry = loads(line)
            step = float(entry["step"])
            if not 0 <= step <= LARGEST:
                raise ValueError(f"step {step}")
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}:{number}: not an object with a step; its curves are left out") from error
        for name, value in entry.items():
            if name != "step" and isinstance(value, (int, float)) and not isinstance(value, bool):
                points.setdefault(name, {})[step] = float(value)
    return [Curve(rung, name, tuple(sorted(at)), tuple(at[step] for step in sorted(at))) for name, at in points.items()]


def training(curves: Sequence[Curve]) -> Plot | None:
    """Plot one panel per metric with one line per trained model; None where nothing was logged."""
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
        "The metrics that each trained model logged, by optimiser step; the y axis has the trainer's name of the metric. "
        f"A gap in a line is a value that is not finite, or beyond 1e30.{capped(len(rungs), len(trained), 'trained models')}",
        "; ".join(words),
        figure,
    )


def _line(ax: Axes, curve: Curve, ink: str, dash: object) -> None:
    values = np.where(np.abs(curve.values) <= LARGEST, curve.values, np.nan)
    alone = len(values) == 1
    ax.plot(curve.steps, values, color=ink, ls=dash, lw=1.4, marker="o" if alone else "", ms=3.5)


def _ends(curve: Curve) -> str:
    first, last = curve.values[0], curve.values[-1]
    return f"{first:.3g} at step {curve.steps[0]:g}, {last:.3g} at step {curve.steps[-1]:g}"
