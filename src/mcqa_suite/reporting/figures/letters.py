"""Which letters are chosen: the share of each, and what stands in the place of the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from mcqa_suite.analysis.compare import ComparisonRow
from mcqa_suite.analysis.compare.pairing import Answers, Pairs
from mcqa_suite.logs.runs import Run
from mcqa_suite.logs.samples import Floats
from mcqa_suite.questions.question import LETTERS
from mcqa_suite.reporting.figures.models import MOST_MODELS, MOST_TASKS, Model, left_out, models_of, panels_of
from mcqa_suite.reporting.figures.style import BETTER, INK, LINE, SAME, WORSE, Plot, short, title_of
from mcqa_suite.reporting.tables import percent

MOST_CONFUSIONS = 3  # tasks


def letters(tops: Sequence[Sequence[ComparisonRow]], base: Run, variants: Sequence[Run]) -> Plot | None:
    """How often each letter is chosen, against how often it is right."""
    names = {run.name for run in variants}
    every = [mine for rows in tops if (mine := [r for r in rows if r.choices.letters_gold and r.variant in names])]
    kept = [rows[: MOST_MODELS - 1] for rows in every[:MOST_TASKS]]
    if not kept:
        return None
    table = [
        [(base.name, rows[0].choices.letters_base), *((row.variant, row.choices.letters_variant) for row in rows)]
        for rows in kept
    ]
    figure, grid = panels_of(table, 1.3)
    said = []
    for line, rows, models in zip(grid, kept, table, strict=True):
        for ax, (name, shares) in zip(line, models, strict=True):
            _letter_panel(ax, shares, rows[0].choices.letters_gold, SAME if name == base.name else BETTER)
            ax.set_title(title_of(name, len(models)), fontsize=8)
            told = " ".join(f"{LETTERS[i]} {percent(share, 0)}" for i, share in enumerate(shares))
            said.append(f"{name} on {rows[0].task}: {told}")
        line[0].set_ylabel(f"{short(rows[0].task, 22)}\nanswers (%)", fontsize=7)
    return Plot(
        "letters",
        "Which letters are chosen",
        "Bars: the share of answers that are the letter (grey: the base). Lines: how often that letter is right. "
        f"A bar far over its line is a preference for a position.{left_out(len(kept), len(every), len(variants))}",
        "; ".join(said),
        figure,
    )


def _letter_panel(ax: Axes, shares: Sequence[float], gold: Sequence[float], ink: str) -> None:
    ax.bar(range(len(shares)), [100 * share for share in shares], color=ink, width=0.7)
    for place, share in enumerate(gold):
        ax.plot([place - 0.45, place + 0.45], [100 * share] * 2, color=INK, lw=1.8)
    ax.set_xticks(range(len(shares)), LETTERS[: len(shares)])


def confusion(tops: Sequence[Sequence[ComparisonRow]], base: Run, variants: Sequence[Run]) -> Plot | None:
    """Right letter against chosen letter: the base, and each variant minus the base."""
    every = [rows for rows in tops if any(row.choices.letters_gold for row in rows)]
    table = [models for rows in every[:MOST_CONFUSIONS] if (models := models_of(rows, base, variants))]
    if not table:
        return None
    figure, grid = panels_of(table, 1.45)
    said = []
    for line, models in zip(grid, table, strict=True):
        for ax, model in zip(line, models, strict=True):
            sign = "" if model.side is model.pairs.base else "Δ "
            ax.set_title(f"{sign}{title_of(model.name, len(models) + 2)}", fontsize=8)
        said += [_confusion_panel(ax, model) for ax, model in zip(line, models, strict=True)]
        line[0].set_ylabel(f"{short(models[0].row.task, 22)}\nright letter", fontsize=7)
    for ax in grid[-1]:
        ax.set_xlabel("chosen letter", fontsize=7.5)
    return Plot(
        "confusion",
        "Which letters take the place of the right one",
        "Of the questions whose right letter is the row's, the percentage answered with the column's. First the base, then, "
        "under Δ, what each variant adds (blue) or takes away (orange), in points; nothing stands where it is under half a point."
        f"{left_out(len(table), len(every), len(variants))}",
        "; ".join(said),
        figure,
    )


def _confusion_panel(ax: Axes, model: Model) -> str:
    """Draws one model, a variant as what it adds to the base; returns its words."""
    variant = model.side is not model.pairs.base
    values = _shares(model.pairs, model.side) - (_shares(model.pairs, model.pairs.base) if variant else 0)
    _cells(ax, values, signed=variant)
    right, chosen = np.unravel_index(np.abs(values).argmax(), values.shape)
    what, sign = ("change", "+") if variant else ("share", "")
    return (
        f"{model.name} on {model.row.task}: largest {what} right {LETTERS[right]}, chosen {LETTERS[chosen]}: "
        f"{values[right, chosen]:{sign}.0f}"
    )


def _shares(pairs: Pairs, side: Answers) -> Floats:
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
                text = f"{value:{'+' if signed else ''}.0f}"
                ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=6 if len(text) < 4 else 5)
    ax.set(xlim=(0, n), ylim=(n, 0))
    for spine in ax.spines.values():
        spine.set(visible=True, color=LINE)
    names = list(LETTERS[:n])
    ax.set_xticks([i + 0.5 for i in range(n)], names, fontsize=7)
    ax.set_yticks([i + 0.5 for i in range(n)], names, fontsize=7)
    ax.tick_params(length=0)
