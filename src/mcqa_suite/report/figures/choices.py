"""What became of the options: divergence, calibration, letters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mcqa_suite import stats
from mcqa_suite.compare import Comparison
from mcqa_suite.compare.pairing import Pairs, Side
from mcqa_suite.question import LETTERS
from mcqa_suite.report.figures.changes import by_lines, label
from mcqa_suite.report.figures.style import BETTER, FLOOR, INK, LINE, MUTED, SAME, WIDTH, WORSE, Plot, short
from mcqa_suite.report.tables import percent
from mcqa_suite.report.views import pairs_of
from mcqa_suite.runs import Run
from mcqa_suite.samples import Floats

MOST_TASKS, MOST_MODELS = 4, 8
LEAST = 1e-6  # nats; what is smaller stands at the left edge
BINS = 10


def divergence(tops: Sequence[Sequence[Comparison]], base: Run, others: Sequence[Run]) -> Plot | None:
    """The spread of KL from the base, per question."""
    kept = [[row for row in rows if row.choices.kl] for rows in tops]
    kept = [rows for rows in kept if rows]
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
        text = "mean ∞" if not np.isfinite(mean) else f"mean {mean:.4f}"
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
        "A volume of disagreement, not a loss of quality.",
        "; ".join(said),
        figure,
    )


def _probabilities(pairs: Pairs, side: Side) -> Floats | None:
    values, there = side.loglikelihoods, pairs.there
    if values is None or not (np.isfinite(values) | ~there).all():
        return None
    return stats.option_probabilities(values, there)


def _models(
    rows: Sequence[Comparison], base: Run, variants: Sequence[Run]
) -> list[tuple[str, Pairs, Side, Comparison]]:
    """The base, as paired with the first variant, then each variant."""
    named = {run.name: run for run in variants}
    mine = [row for row in rows if row.variant in named][: MOST_MODELS - 1]
    found: list[tuple[str, Pairs, Side, Comparison]] = []
    for row in mine:
        pairs = pairs_of(base, named[row.variant], row)
        if not found:
            found.append((base.name, pairs, pairs.base, row))
        found.append((row.variant, pairs, pairs.variant, row))
    return found


def _grid(rows: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    figure = Figure(
        figsize=(max(WIDTH * columns / 6, 3.6) if columns < 6 else WIDTH, rows * height + 0.35), layout="constrained"
    )
    axes = figure.subplots(rows, columns, sharex="row", sharey="row", squeeze=False)
    return figure, axes


def reliability(tops: Sequence[Sequence[Comparison]], base: Run, variants: Sequence[Run]) -> Plot | None:
    """Confidence against accuracy, a panel a model and task."""
    kept = [rows for rows in tops if any(row.choices.ece_variant is not None for row in rows)][:MOST_TASKS]
    table = [models for rows in kept if (models := _models(rows, base, variants))]
    if not table:
        return None
    figure, grid = _grid(len(table), max(map(len, table)), 1.45)
    said = []
    for line, models in zip(grid, table, strict=True):
        for ax in line[len(models) :]:
            ax.set_visible(False)
        for ax, (name, pairs, side, row) in zip(line, models, strict=False):
            probabilities = _probabilities(pairs, side)
            ax.plot([0, 100], [0, 100], color=MUTED, lw=0.8, ls=(0, (3, 2)))
            ax.set(xlim=(0, 100), ylim=(0, 100), xticks=[0, 50, 100], yticks=[0, 50, 100])
            ax.set_title(short(name, 16), fontsize=8)
            if probabilities is None or side.right is None:
                ax.text(50, 50, "not finite", ha="center", color=MUTED, fontsize=7)
                continue
            confidence = probabilities[np.arange(pairs.n), side.pick]
            _reliability_line(ax, confidence, side.right)
            error = stats.expected_calibration_error(confidence, side.right)
            ax.text(96, 5, f"ECE {percent(error)}", ha="right", fontsize=7, color=MUTED)
            said.append(f"{name} on {row.task}: ECE {percent(error)} %")
        line[0].set_ylabel(f"{short(models[0][3].task)}\naccuracy (%)", fontsize=7)
    for ax in grid[-1]:
        ax.set_xlabel("confidence (%)", fontsize=7.5)
    more = "" if len(kept) == len(tops) else f" The first {len(kept)} tasks with option probabilities are shown."
    return Plot(
        "reliability",
        "Whether confidence can be believed",
        f"Mean probability of the chosen option against how often it is right, in {BINS} bins of equal mass. On the dashed "
        f"line a model is as right as it is sure; below it, over-confident.{more}",
        "; ".join(said),
        figure,
    )


def _reliability_line(ax: Axes, confidence: Floats, right: np.ndarray) -> None:
    order = np.argsort(confidence, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    x, y = ([100 * float(values[part].mean()) for part in bins] for values in (confidence, right))
    ax.plot(x, y, "-o", color=BETTER, lw=1.1, ms=2.6)


def letters(tops: Sequence[Sequence[Comparison]], base: Run, variants: Sequence[Run]) -> Plot | None:
    """How often each letter is chosen, against how often it is right."""
    names = {run.name for run in variants}
    kept = [[row for row in rows if row.choices.letters_gold and row.variant in names] for rows in tops]
    kept = [rows[: MOST_MODELS - 1] for rows in kept if rows][:MOST_TASKS]
    if not kept:
        return None
    figure, grid = _grid(len(kept), 1 + max(map(len, kept)), 1.3)
    said = []
    for line, rows in zip(grid, kept, strict=True):
        shown = [
            (base.name, rows[0].choices.letters_base),
            *((row.variant, row.choices.letters_variant) for row in rows),
        ]
        gold = rows[0].choices.letters_gold
        for ax in line[len(shown) :]:
            ax.set_visible(False)
        for ax, (name, shares) in zip(line, shown, strict=False):
            places = range(len(shares))
            ax.bar(places, [100 * share for share in shares], color=SAME if name == base.name else BETTER, width=0.7)
            for place, share in enumerate(gold):
                ax.plot([place - 0.45, place + 0.45], [100 * share] * 2, color=INK, lw=1.8)
            ax.set_xticks(list(places), LETTERS[: len(shares)])
            ax.set_title(short(name, 16), fontsize=8)
            told = " ".join(f"{LETTERS[i]} {percent(share, 0)}" for i, share in enumerate(shares))
            said.append(f"{name} on {rows[0].task}: {told}")
        line[0].set_ylabel(f"{short(rows[0].task)}\nanswers (%)", fontsize=7)
    return Plot(
        "letters",
        "Which letters are chosen",
        "Bars: the share of answers that are the letter (grey: the base). Lines: how often that letter is right. "
        "A bar far over its line is a preference for a position.",
        "; ".join(said),
        figure,
    )


def confusion(tops: Sequence[Sequence[Comparison]], base: Run, variants: Sequence[Run]) -> Plot | None:
    """Right letter against chosen letter: the base, and each variant minus the base."""
    kept = [rows for rows in tops if any(row.choices.letters_gold for row in rows)][:3]
    table = [models for rows in kept if (models := _models(rows, base, variants))]
    if not table:
        return None
    figure, grid = _grid(len(table), max(map(len, table)), 1.45)
    said = []
    for line, models in zip(grid, table, strict=True):
        for ax in line[len(models) :]:
            ax.set_visible(False)
        for index, (ax, (name, pairs, side, row)) in enumerate(zip(line, models, strict=False)):
            values = _shares(pairs, side) - (_shares(pairs, pairs.base) if index else 0)
            _cells(ax, values, signed=bool(index))
            ax.set_title(short(name, 16) if not index else f"{short(name, 9)} - {short(base.name, 9)}", fontsize=7.5)
            biggest = np.unravel_index(np.abs(values).argmax(), values.shape)
            said.append(
                f"{name} on {row.task}: largest {'change' if index else 'share'} right {LETTERS[biggest[0]]}, chosen "
                f"{LETTERS[biggest[1]]}: {values[biggest]:{'+' if index else ''}.0f}"
            )
        line[0].set_ylabel(f"{short(models[0][3].task)}\nright letter", fontsize=7)
    for ax in grid[-1]:
        ax.set_xlabel("chosen letter", fontsize=7.5)
    return Plot(
        "confusion",
        "Which letters take the place of the right one",
        "Of the questions whose right letter is the row's, the percentage answered with the column's. First the base, then what "
        "each variant adds (blue) or takes away (orange), in points.",
        "; ".join(said),
        figure,
    )


def _shares(pairs: Pairs, side: Side) -> Floats:
    """Rows: right letter; columns: chosen letter; percentages of the row."""
    width = int(pairs.options.max())
    gold = ((pairs.gold[:, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)).astype(float)
    picks = np.zeros((pairs.n, width))
    chosen = side.pick >= 0
    picks[np.flatnonzero(chosen), side.pick[chosen]] = 1
    counts = gold.sum(axis=0)
    return np.asarray(100 * (gold.T @ picks) / np.maximum(counts, 1)[:, None])


def _cells(ax: Axes, values: Floats, *, signed: bool) -> None:
    n = len(values)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if abs(value) >= 0.5:
                ink = SAME if not signed else BETTER if value > 0 else WORSE
                ax.add_patch(Rectangle((j, i), 1, 1, facecolor=ink, alpha=float(min(0.42, abs(value) / 150)), lw=0))
                ax.text(j + 0.5, i + 0.5, f"{value:{'+' if signed else ''}.0f}", ha="center", va="center", fontsize=6)
    ax.set(xlim=(0, n), ylim=(n, 0))
    for spine in ax.spines.values():
        spine.set(visible=True, color=LINE)
    names = list(LETTERS[:n])
    ax.set_xticks([i + 0.5 for i in range(n)], names, fontsize=7)
    ax.set_yticks([i + 0.5 for i in range(n)], names, fontsize=7)
    ax.tick_params(length=0)
