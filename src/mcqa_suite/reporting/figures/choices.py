"""Figures about the options: how their probabilities moved, calibration, and the letters that are chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from mcqa_suite import stats
from mcqa_suite.analysis.compare import ComparisonRow
from mcqa_suite.analysis.compare.pairing import Answers, Pairs
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.samples import Floats
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.figures.changes import labelled
from mcqa_suite.reporting.figures.layout import Model, line_plot, margin_text, model_panels, pairs_of
from mcqa_suite.reporting.figures.style import DATA, FLOOR, INK, LINE, MUTED, SAME, Plot, short
from mcqa_suite.reporting.tables import percent

LEAST = 1e-6  # nats; smaller values are drawn at the left edge
BINS = 10
Groups = Sequence[Sequence[ComparisonRow]]


def divergence(tops: Groups, runs: Sequence[Run], against: str) -> Plot | None:
    """Plot the quantiles over questions of the KL divergence from the parent of each variant, `against` in words."""
    groups = labelled(tops, lambda row: row.choices.kl)
    if not groups:
        return None
    named = {run.name: run for run in runs}

    def draw(axes: Axes, y: float, row: ComparisonRow) -> str:
        pairs = pairs_of(named, row)
        before, after = _finite(pairs, pairs.base), _finite(pairs, pairs.variant)
        if before is None or after is None:
            return ""
        values = stats.kl_divergence(before, after, pairs.option_mask)
        return _divergence_line(axes, y, values, row.kind == "noise floor")

    words = (
        "choice-kl",
        "Change of the option probabilities",
        "Over the questions: thin line 5 to 95 %, thick line the middle half, circle the median, bar the mean. "
        "A large change is not by itself a loss of quality.",
    )
    xlabel = f"KL({short(against)} || variant) over the options, nats (log scale; ≤ {LEAST:g} at the left edge)"
    plot, axes, _heights = line_plot(words, groups, draw, xlabel)
    axes.set_xscale("log")
    axes.set_xlim(left=LEAST / 2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return plot


def _divergence_line(axes: Axes, y: float, values: Floats, floor: bool) -> str:
    """Draw the quantiles and the mean; return them as text."""
    with np.errstate(invalid="ignore"):
        quantiles = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95), method="inverted_cdf")
    x, colour = np.clip(quantiles, LEAST, 1e3), FLOOR if floor else DATA
    axes.plot(x[[0, 4]], [y, y], color=colour, lw=1)
    axes.plot(x[[1, 3]], [y, y], color=colour, lw=5, solid_capstyle="butt")
    axes.plot([x[2]], [y], "o", color=colour, mfc="#ffffff", ms=5, mew=1.3)
    mean, text = float(values.mean()), "mean ∞"
    if np.isfinite(mean):
        text = f"mean {mean:#.2g}"
        axes.plot([max(mean, LEAST)], [y], "|", color=INK, ms=9, mew=1.4)
    margin_text(axes, y, text, MUTED)
    return f"median {quantiles[2]:.2g}, 95 % under {quantiles[4]:.2g}, {text}"


def _finite(pairs: Pairs, side: Answers) -> Floats | None:
    """The log-likelihoods of the options; None where they are not all finite."""
    values = side.loglikelihoods
    return None if values is None or not (np.isfinite(values) | ~pairs.option_mask).all() else values


def reliability(tops: Groups, base: Run, variants: Sequence[Run]) -> Plot | None:
    """Plot confidence against accuracy, one panel per model and task."""
    words = (
        "reliability",
        "Confidence and accuracy",
        f"Mean probability of the chosen option (confidence) and how often it is right (accuracy), in {BINS} bins of equal "
        "mass. On the dashed line the two are equal; below it the model is over-confident.",
    )
    groups = [rows for rows in tops if any(row.choices.ece_variant is not None for row in rows)]
    return model_panels(words, groups, base, variants, _reliability, 1.45, "accuracy (%)", "confidence (%)")


def _reliability(ax: Axes, model: Model) -> str:
    values, right = _finite(model.pairs, model.side), model.side.right
    ax.plot([0, 100], [0, 100], color=MUTED, lw=0.8, ls=(0, (3, 2)))
    ax.set(xlim=(0, 100), ylim=(0, 100), xticks=[0, 50, 100], yticks=[0, 50, 100])
    if values is None or right is None:
        ax.text(50, 50, "not finite", ha="center", color=MUTED, fontsize=7)
        return ""
    probabilities = stats.option_probabilities(values, model.pairs.option_mask)
    confidence = probabilities[np.arange(model.pairs.n), model.side.pick]
    order = np.argsort(confidence, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    x, y = ([100 * float(values[part].mean()) for part in bins] for values in (confidence, right))
    ax.plot(x, y, "-o", color=DATA, lw=1.1, ms=2.6)
    error = percent(stats.expected_calibration_error(confidence, right))
    ax.text(96, 5, f"ECE {error}", ha="right", fontsize=7, color=MUTED)
    return f"{model.name} on {model.row.title}: ECE {error} %"


def letters(tops: Groups, base: Run, variants: Sequence[Run]) -> Plot | None:
    """Plot how often each letter is chosen, and how often it is right."""
    words = (
        "letters",
        "Which letters are chosen",
        "Bars: how often the letter is chosen (grey: the base). Lines: how often the letter is right. "
        "A bar far above its line shows a preference for that position.",
    )
    return model_panels(words, _with_letters(tops, base), base, variants, _letters, 1.3, "answers (%)")


def _with_letters(tops: Groups, base: Run) -> Groups:
    """The rows of tasks that are asked for a letter: where the texts of the options are scored, letters say nothing."""
    texts = {key for key, task in base.tasks.items() if task.samples.scores_texts}
    return [rows for group in tops if (rows := [row for row in group if _has_letters(row, texts)])]


def _has_letters(row: ComparisonRow, texts: set[tuple[str, str]]) -> bool:
    return bool(row.choices.letters_gold) and not any(
        (task, row.filter) in texts for task in row.members or (row.task,)
    )


def _letters(ax: Axes, model: Model) -> str:
    choices = model.row.choices
    shares = choices.letters_base if model.is_base else choices.letters_variant
    ax.bar(range(len(shares)), [100 * share for share in shares], color=SAME if model.is_base else DATA, width=0.7)
    for i, share in enumerate(choices.letters_gold):
        ax.plot([i - 0.45, i + 0.45], [100 * share] * 2, color=INK, lw=1.8)
    ax.set_xticks(range(len(shares)), _labels(len(shares)))
    text = " ".join(f"{option_label(i)} {percent(share, 0)}" for i, share in enumerate(shares))
    return f"{model.name} on {model.row.title}: {text}"


def confusion(tops: Groups, base: Run, variants: Sequence[Run]) -> Plot | None:
    """Plot right letter against chosen letter: the base, and each variant minus the base."""
    words = (
        "confusion",
        "Which letters are chosen instead of the right one",
        "Rows: the right letter. Columns: the chosen letter, in % of the row's questions. Left panel: the base. Panels "
        "with Δ show the change of a variant in points. Values under half a point are not shown.",
    )
    groups, names = _with_letters(tops, base), ("right letter", "chosen letter")
    return model_panels(words, groups, base, variants, _confusion, 1.45, *names, sign="Δ ", most=3)


def _confusion(ax: Axes, model: Model) -> str:
    values = _letter_table(model.pairs, model.side)
    if not model.is_base:
        values = values - _letter_table(model.pairs, model.pairs.base)
    _cells(ax, values, signed=not model.is_base)
    right, chosen = np.unravel_index(np.abs(values).argmax(), values.shape)
    labels = _labels(len(values))
    what, sign = ("share", "") if model.is_base else ("change", "+")
    return (
        f"{model.name} on {model.row.title}: largest {what} right {labels[right]}, chosen {labels[chosen]}: "
        f"{values[right, chosen]:{sign}.0f}"
    )


def _letter_table(pairs: Pairs, side: Answers) -> Floats:
    """Percentages of each row; rows are right letters, columns chosen letters."""
    width = int(pairs.options.max())
    gold = pairs.gold[:, :width].astype(float)
    picks = np.zeros((pairs.n, width))
    chosen = side.pick >= 0
    picks[np.flatnonzero(chosen), side.pick[chosen]] = 1
    counts = gold.sum(axis=0)
    return np.asarray(100 * (gold.T @ picks) / np.maximum(counts, 1)[:, None])


def _cells(ax: Axes, values: Floats, *, signed: bool) -> None:
    n = len(values)
    for (i, j), value in np.ndenumerate(values):
        if abs(value) >= 0.5:
            colour = SAME if not signed else DATA if value > 0 else INK
            ax.add_patch(Rectangle((j, i), 1, 1, facecolor=colour, alpha=float(min(0.42, abs(value) / 150)), lw=0))
            text = f"{value:{'+' if signed else ''}.0f}"
            ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=6 if len(text) < 4 else 5)
    ax.set(xlim=(0, n), ylim=(n, 0))
    for spine in ax.spines.values():
        spine.set(visible=True, color=LINE)
    names = _labels(n)
    ax.set_xticks([i + 0.5 for i in range(n)], names, fontsize=7)
    ax.set_yticks([i + 0.5 for i in range(n)], names, fontsize=7)
    ax.tick_params(length=0)


def _labels(n: int) -> list[str]:
    return [option_label(index) for index in range(n)]
