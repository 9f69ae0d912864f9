"""SVG figures of `mcqa vote`, `mcqa variance` and `mcqa rank`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mcqa_suite.analysis.ranking import Ranking
from mcqa_suite.analysis.variance import Drawn, Draws
from mcqa_suite.analysis.voting.ballots import Ballots
from mcqa_suite.analysis.voting.strategies import MAJORITY, SINGLE, Outcome, missed, picks
from mcqa_suite.reporting.figures.layout import line_plot
from mcqa_suite.reporting.figures.style import BETTER, DATA, INK, LINE, SAME, SETTINGS, WIDTH, WORSE, svg


@mpl.rc_context(SETTINGS)
def votes(outcomes: Sequence[Outcome]) -> bytes:
    """Accuracy against n: a panel for each run, a line for each strategy, 95 % intervals."""
    runs = list(dict.fromkeys(row.run for row in outcomes))
    figure = Figure(figsize=(max(4.2, 3.4 * len(runs)), 3.2), layout="constrained")
    axes = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for ax, run in zip(axes, runs, strict=True):
        _votes_panel(ax, run, [row for row in outcomes if row.run == run])
    axes[0].set_ylabel("accuracy, %")
    axes[-1].legend(frameon=False, fontsize=7.5)
    return svg(figure, "votes")


@mpl.rc_context(SETTINGS)
def distinct_answers(runs: Sequence[Ballots]) -> bytes:
    """Questions by how many distinct answers were read: the majority is right, misses a right sample, or there is none."""
    figure = Figure(figsize=(max(4.2, 3.4 * len(runs)), 3.0), layout="constrained")
    axes = figure.subplots(1, len(runs), sharey=True, squeeze=False)[0]
    for ax, ballots in zip(axes, runs, strict=True):
        counts = np.array([len(question.distinct) for question in ballots.questions])
        picked = picks(ballots, {})[MAJORITY]
        possible = ballots.right.any(axis=1)
        lost = np.isin(np.arange(len(counts)), missed(ballots, picked))
        bottom = np.zeros(counts.max() + 1, dtype=int)
        parts = {"majority right": possible & ~lost, "right sample not picked": lost, "no right sample": ~possible}
        for (label, part), colour in zip(parts.items(), (BETTER, WORSE, SAME), strict=True):
            heights = np.bincount(counts[part], minlength=len(bottom))
            ax.bar(np.arange(len(bottom)), heights, bottom=bottom, color=colour, label=label, width=0.8)
            bottom += heights
        ax.set_title(ballots.name)
        ax.set_xlabel("distinct answers of a question")
        ax.set_xticks(np.arange(len(bottom)))
    axes[0].set_ylabel("questions")
    axes[0].yaxis.get_major_locator().set_params(integer=True)
    axes[-1].legend(frameon=False, fontsize=7.5)
    return svg(figure, "distinct_answers")


def _votes_panel(ax: Axes, run: str, outcomes: Sequence[Outcome]) -> None:
    strategies = dict.fromkeys(row.strategy for row in outcomes if row.strategy != SINGLE)
    for marker, strategy in zip(cycle("osD^vP"), strategies, strict=False):
        rows = [row for row in outcomes if row.strategy == strategy]
        values, low, high = (
            100 * np.array([getattr(row.accuracy, name) for row in rows]) for name in ("value", "low", "high")
        )
        xs, error = [row.n for row in rows], (values - low, high - values)
        ax.errorbar(xs, values, error, marker=marker, ms=4, lw=1.2, elinewidth=0.7, capsize=2, label=strategy)
    for single in (row for row in outcomes if row.strategy == SINGLE):
        ax.axhline(100 * single.accuracy.value, lw=0.8, ls=(0, (3, 3)), color=SAME, label=SINGLE)
    ticks = sorted({row.n for row in outcomes})
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.minorticks_off()
    ax.set_title(run)
    ax.set_xlabel("samples a question (n)")
    ax.grid(axis="y")


@mpl.rc_context(SETTINGS)
def draws(runs: Sequence[Drawn]) -> bytes:
    """A line for each task and run: the accuracy of each draw as a dot, the mean, and its 95 % interval over templates."""
    tasks = dict.fromkeys(task for run in runs for task in run.tasks)
    groups = [(task, [(run.run, run.tasks[task]) for run in runs if task in run.tasks]) for task in tasks]
    xlabel = "accuracy of one draw of the set (%)"
    plot, _axes, _heights = line_plot(("variance", "", ""), groups, _draws_line, xlabel, most=len(groups), inches=0.24)
    return svg(plot.figure, plot.name)


def _draws_line(axes: Axes, y: float, draws: Draws) -> str:
    rates, mean = 100 * draws.by_instance, draws.mean
    axes.plot([100 * mean.low, 100 * mean.high], [y, y], color=LINE, lw=6, solid_capstyle="butt")
    axes.plot(rates, y + _offsets(rates), "o", color=DATA, ms=3, alpha=0.55, mew=0)
    axes.plot([100 * mean.value] * 2, [y - 0.36, y + 0.36], color=INK, lw=1.4)
    return ""


def _offsets(rates: np.ndarray) -> np.ndarray:
    """Vertical offsets, at most a third of a line, so that dots of equal accuracy do not overlap."""
    offsets = np.zeros(len(rates))
    for value in np.unique(rates):
        same = np.flatnonzero(rates == value)
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * min(0.14, 0.66 / max(1, len(same) - 1))
    return offsets


@mpl.rc_context(SETTINGS)
def strengths(ranking: Ranking) -> bytes:
    """The strengths of the models with their intervals, the best on top."""
    standings = ranking.standings[::-1]
    figure = Figure(figsize=(WIDTH, 0.8 + 0.45 * len(standings)), layout="constrained")
    axes = figure.subplots()
    for row, standing in enumerate(standings):
        axes.plot([standing.strength.low, standing.strength.high], [row, row], color=SAME, linewidth=1.5)
        axes.plot(standing.strength.value, row, "o", color=DATA)
    axes.axvline(0, color=LINE, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(standings)), [standing.name for standing in standings])
    axes.set_ylim(-0.6, len(standings) - 0.4)
    axes.set_xlabel("Bradley-Terry strength, log odds against the mean of the models (95 %)")
    axes.spines["left"].set_visible(False)
    return svg(figure, "ranking")
