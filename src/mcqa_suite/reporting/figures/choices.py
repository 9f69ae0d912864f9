"""What became of the options' probabilities: divergence and calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mcqa_suite import stats
from mcqa_suite.analysis.compare import ComparisonRow
from mcqa_suite.analysis.compare.pairing import Answers, Pairs
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.samples import Floats
from mcqa_suite.reporting.figures.changes import MOST_TASKS as MOST_LINES
from mcqa_suite.reporting.figures.changes import TASKS, by_lines, label
from mcqa_suite.reporting.figures.models import MOST_TASKS, Model, left_out, models_of, panels_of
from mcqa_suite.reporting.figures.style import BETTER, FLOOR, INK, MUTED, Plot, capped, short, title_of
from mcqa_suite.reporting.tables import percent
from mcqa_suite.reporting.views import pairs_of

LEAST = 1e-6  # nats; what is smaller stands at the left edge
BINS = 10


def divergence(tops: Sequence[Sequence[ComparisonRow]], base: Run, others: Sequence[Run]) -> Plot | None:
    """The spread of KL from the base, per question."""
    every = [mine for rows in tops if (mine := [row for row in rows if row.choices.kl])]
    kept = every[:MOST_LINES]
    if not kept:
        return None
    named = {run.name: run for run in others}
    figure, axes, placed = by_lines(kept)
    axes.set_xscale("log")
    said = []
    for y, row in placed:
        pairs = pairs_of(base, named[row.variant], row)
        one, other = _probabilities(pairs, pairs.base), _probabilities(pairs, pairs.variant)
        if one is None or other is None:
            continue
        values = stats.kl_divergence(one, other)
        with np.errstate(invalid="ignore"):
            low, q1, median, q3, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), method="inverted_cdf")
        at = np.clip([low, q1, median, q3, high], LEAST, 1e3)
        ink = FLOOR if row.kind == "noise floor" else BETTER
        axes.plot(at[[0, 4]], [y, y], color=ink, lw=1)
        axes.plot(at[[1, 3]], [y, y], color=ink, lw=5, solid_capstyle="butt")
        axes.plot([at[2]], [y], "o", color=ink, mfc="#ffffff", ms=5, mew=1.3)
        mean = float(values.mean())
        text = "mean ∞" if not np.isfinite(mean) else f"mean {mean:#.2g}"
        if np.isfinite(mean):
            axes.plot([max(mean, LEAST)], [y], "|", color=INK, ms=9, mew=1.4)
        axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=MUTED)
        said.append(f"{label(row)} on {row.task}: median {median:.2g}, 95 % under {high:.2g}, {text}")
    axes.set_xlim(left=LEAST / 2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x")
    axes.set_xlabel(
        f"KL({short(base.name)} || variant) over the options, nats (log scale; ≤ {LEAST:g} at the left edge)"
    )
    return Plot(
        "choice-kl",
        "How far the option probabilities moved",
        "Over the questions: thin line 5 to 95 %, thick line the middle half, circle the median, bar the mean. "
        f"A volume of disagreement, not a loss of quality.{capped(len(kept), len(every), TASKS)}",
        "; ".join(said),
        figure,
    )


def _probabilities(pairs: Pairs, side: Answers) -> Floats | None:
    values, there = side.loglikelihoods, pairs.there
    if values is None or not (np.isfinite(values) | ~there).all():
        return None
    return stats.option_probabilities(values, there)


def reliability(tops: Sequence[Sequence[ComparisonRow]], base: Run, variants: Sequence[Run]) -> Plot | None:
    """Confidence against accuracy, a panel a model and task."""
    every = [rows for rows in tops if any(row.choices.ece_variant is not None for row in rows)]
    table = [models for rows in every[:MOST_TASKS] if (models := models_of(rows, base, variants))]
    if not table:
        return None
    figure, grid = panels_of(table, 1.45)
    said = []
    for line, models in zip(grid, table, strict=True):
        for ax, model in zip(line, models, strict=True):
            ax.set_title(title_of(model.name, len(models)), fontsize=8)
        said += [told for ax, model in zip(line, models, strict=True) if (told := _reliability_panel(ax, model))]
        line[0].set_ylabel(f"{short(models[0].row.task, 22)}\naccuracy (%)", fontsize=7)
    for ax in grid[-1]:
        ax.set_xlabel("confidence (%)", fontsize=7.5)
    return Plot(
        "reliability",
        "Whether confidence can be believed",
        f"Mean probability of the chosen option against how often it is right, in {BINS} bins of equal mass. On the dashed "
        f"line a model is as right as it is sure; below it, over-confident.{left_out(len(table), len(every), len(variants))}",
        "; ".join(said),
        figure,
    )


def _reliability_panel(ax: Axes, model: Model) -> str:
    """Draws one model; returns its words, "" where there is nothing to draw."""
    probabilities = _probabilities(model.pairs, model.side)
    ax.plot([0, 100], [0, 100], color=MUTED, lw=0.8, ls=(0, (3, 2)))
    ax.set(xlim=(0, 100), ylim=(0, 100), xticks=[0, 50, 100], yticks=[0, 50, 100])
    if probabilities is None or model.side.right is None:
        ax.text(50, 50, "not finite", ha="center", color=MUTED, fontsize=7)
        return ""
    confidence = probabilities[np.arange(model.pairs.n), model.side.pick]
    _reliability_line(ax, confidence, model.side.right)
    error = stats.expected_calibration_error(confidence, model.side.right)
    ax.text(96, 5, f"ECE {percent(error)}", ha="right", fontsize=7, color=MUTED)
    return f"{model.name} on {model.row.task}: ECE {percent(error)} %"


def _reliability_line(ax: Axes, confidence: Floats, right: np.ndarray) -> None:
    order = np.argsort(confidence, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    x, y = ([100 * float(values[part].mean()) for part in bins] for values in (confidence, right))
    ax.plot(x, y, "-o", color=BETTER, lw=1.1, ms=2.6)
