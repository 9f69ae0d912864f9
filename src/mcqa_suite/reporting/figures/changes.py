"""What changed and how much: the forest, accuracy against bits, and flips."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.analysis.compare.columns import Column
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.figures.style import (
    BAND,
    BETTER,
    FLOOR,
    INK,
    MUTED,
    REST,
    SAME,
    WIDTH,
    WORSE,
    Plot,
    capped,
    panels,
    short,
)
from mcqa_suite.reporting.summary import Row, Summary
from mcqa_suite.reporting.tables import percent
from mcqa_suite.reporting.views import interval, significant

ROW = 0.19  # inches a line
MOST_TASKS, TASKS = 12, "tasks and groups"  # that a figure shows


def colour(row: ComparisonRow) -> str:
    """Colour by what is known: a difference that is not significant has none."""
    if row.kind == "noise floor":
        return FLOOR
    if not significant(row):
        return SAME
    return BETTER if row.change.difference.value > 0 else WORSE


def label(row: ComparisonRow) -> str:
    return short(row.variant) + (" (noise floor)" if row.kind == "noise floor" else "")


def lines(
    tops: Sequence[Sequence[ComparisonRow]],
) -> tuple[list[tuple[float, ComparisonRow]], list[tuple[float, str]], float]:
    """Where each row and each task's heading stands, from the top down, and the height used."""
    placed, headings, y = [], [], 0.0
    for rows in tops:
        headings.append((y, short(rows[0].task)))
        for row in rows:
            y += 1
            placed.append((y, row))
        y += 1.5
    return placed, headings, y - 0.5


def by_lines(tops: Sequence[Sequence[ComparisonRow]]) -> tuple[Figure, Axes, list[tuple[float, ComparisonRow]]]:
    """Axes with a line a comparison, headed by task."""
    placed, headings, end = lines(tops)
    figure = Figure(figsize=(WIDTH, 0.75 + ROW * end), layout="constrained")
    axes = figure.subplots()
    axes.set_ylim(end, -0.8)
    ticks = [*((y, text) for y, text in headings), *((y, label(row)) for y, row in placed)]
    head_up(axes, ticks, len(headings))
    return figure, axes, placed


def head_up(axes: Axes, ticks: Sequence[tuple[float, str]], headings: int) -> None:
    """Names at the left of their lines, the first `headings` of them bold."""
    axes.set_yticks([y for y, _ in ticks], [text for _, text in ticks])
    for text in axes.get_yticklabels()[:headings]:
        text.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def forest(report: Comparison, tops: Sequence[Sequence[ComparisonRow]]) -> Plot:
    """Paired differences with intervals, and the band within which they count as none."""
    shown = tops[:MOST_TASKS]
    figure, axes, placed = by_lines(shown)
    margin = 100 * report.margin
    axes.axvspan(-margin, margin, color=BAND, lw=0, zorder=0)
    axes.axvline(0, color=MUTED, lw=0.8)
    for y, row in placed:
        d, ink = row.change.difference, colour(row)
        axes.plot([100 * d.low, 100 * d.high], [y, y], color=ink, lw=1.6, solid_capstyle="butt")
        marker = {"broken": "X"}.get(row.verdict, "D" if row.kind == "noise floor" else "s")
        full = significant(row) or row.verdict == "broken"
        axes.plot([100 * d.value], [y], marker, ms=5, color=ink, mfc=ink if full else "#ffffff", mew=1.3)
        axes.text(1.02, y, row.verdict, transform=axes.get_yaxis_transform(), va="center", color=ink, fontsize=8)
    axes.grid(axis="x")
    axes.set_xlabel(f"difference to {short(report.base)} (percentage points)")
    alt = "; ".join(f"{label(row)} on {row.task}: {interval(row)}, {row.verdict}" for _, row in placed)
    return Plot(
        "forest",
        "How far each variant is from the base",
        f"Paired difference with its 95 % interval. The band is the equivalence margin, ± {margin:g} "
        f"{'point' if margin == 1 else 'points'}. Filled and coloured: significant after Holm's correction "
        f"(blue better, orange worse); a cross: broken.{capped(len(shown), len(tops), TASKS)}",
        alt,
        figure,
    )


def against_bits(summary: Summary, base: Run | None, floor: Run | None) -> Plot | None:
    """Accuracy over bits per weight; None where fewer than two sizes are known."""
    rows = [row for row in summary.rows if row.run is not floor and row.run.bits_per_weight]
    if len({row.run.bits_per_weight for row in rows}) < 2:
        return None
    columns = summary.columns[:MOST_TASKS]
    figure, axes = panels(len(columns), 2, 2.15, sharey=False)
    said: list[str] = []
    full = max(rows, key=lambda row: (row.run.bits_per_weight or 0, row.run is base))
    for index, (ax, column) in enumerate(zip(axes, columns, strict=True)):
        found = _on(full, index)
        if found:
            ax.axhline(found[0], color=INK, lw=1, ls=(0, (5, 2)))
        if column.chance is not None:
            ax.axhline(100 * column.chance, color=MUTED, lw=1, ls=(0, (1, 2)))
        _bits_panel(ax, rows, index, column, said)
        ax.set_title(short(column.title))
        ax.set_ylabel(f"{short(column.metric)} (%)")
        ax.grid(axis="y")
    for ax in axes[-2:]:
        ax.set_xlabel("bits per weight (log scale)")
    return Plot(
        "accuracy-bits",
        "What a smaller model costs",
        f"Accuracy with its 95 % interval over bits per weight. Dashed: {short(full.run.name)}, at full precision; "
        "dotted: chance. A model that could not be believed on a task has a cross."
        f"{capped(len(columns), len(summary.columns), TASKS)}",
        "; ".join(said),
        figure,
    )


def _on(row: Row, index: int) -> tuple[float, float, float, str] | None:
    cell = row.cells[index]
    if cell is None:
        return None
    return (100 * cell.estimate.value, 100 * cell.estimate.low, 100 * cell.estimate.high, cell.sick)


def _bits_panel(ax: Axes, rows: Sequence[Row], index: int, column: Column, said: list[str]) -> None:
    ax.set_xscale("log", base=2)
    sizes = [row.run.bits_per_weight or 1 for row in rows]
    ax.set_xlim(min(sizes) / 1.3, max(sizes) * 1.45)
    ticks = [t for t in (1, 2, 3, 4, 6, 8, 12, 16, 32) if min(sizes) / 1.3 <= t <= max(sizes) * 1.45]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    shown = [(row, found) for row in rows if (found := _on(row, index))]
    offsets = _offsets([(row.run.bits_per_weight or 1, found[0]) for row, found in shown])
    labels: dict[tuple[float, int], list[tuple[str, float]]] = {}
    for (row, (value, low, high, sick)), offset in zip(shown, offsets, strict=True):
        x = row.run.bits_per_weight or 1
        ax.plot([x, x], [low, high], color=SAME, lw=1.2)
        ax.plot([x], [value], "X" if sick else "o", color=BETTER, ms=5)
        labels.setdefault((x, offset), []).append((row.run.name, high if offset > 0 else low))
        said.append(f"{row.run.name} at {x:.2f} bits on {column.title}: {value:.1f} %")
    for (x, offset), named in labels.items():  # of one size and on one side of it: one label
        ends = [end for _, end in named]
        ax.annotate(
            short(", ".join(name for name, _ in named)),
            (x, max(ends) if offset > 0 else min(ends)),
            (0, offset),
            textcoords="offset points",
            ha="center",
            va="bottom" if offset > 0 else "top",
            fontsize=7.5,
        )
    ax.margins(y=0.3)


def _offsets(points: Sequence[tuple[float, float]]) -> list[int]:
    """How far each label stands over its point, under it where negative: of models of one size the best stands over; sizes with
    one model take turns, at two heights."""
    sizes = sorted({x for x, _ in points})
    alone = [x for x in sizes if sum(x == other for other, _ in points) == 1]
    best = {x: max(value for other, value in points if other == x) for x in sizes}
    return [(3, -3, 11, -11)[alone.index(x) % 4] if x in alone else 3 if y == best[x] else -3 for x, y in points]


def flips(tops: Sequence[Sequence[ComparisonRow]]) -> Plot | None:
    """Answers that changed: how many, and which way."""
    every = [mine for rows in tops if (mine := [row for row in rows if row.flips])]
    kept = every[:MOST_TASKS]
    if not kept:
        return None
    figure, axes, placed = by_lines(kept)
    said = []
    for y, row in placed:
        assert row.flips
        loss, gain, other = (
            100 * count / row.n
            for count in (row.flips.right_to_wrong, row.flips.wrong_to_right, row.flips.wrong_to_wrong)
        )
        axes.barh(y, -loss, color=WORSE, height=0.66)
        axes.barh(y, gain, color=BETTER, height=0.66)
        axes.barh(y, other, left=gain, color=REST, height=0.66)
        direction = "" if row.flips.direction is None else f", direction {row.flips.direction:+.2f}"
        text = f"{percent(row.flips.total / row.n)} %{direction}"
        axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        said.append(f"{label(row)} on {row.task}: {text}")
    for rows in kept:
        if floor := [row for row in rows if row.kind == "noise floor"]:
            ys = [y for y, row in placed if row in rows]
            share = 100 * (floor[0].flips.total if floor[0].flips else 0) / floor[0].n
            axes.plot([share, share], [min(ys) - 0.4, max(ys) + 0.4], color=FLOOR, lw=1.6)
    axes.axvline(0, color=INK, lw=0.9)
    axes.grid(axis="x")
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -1), max(high, 1))
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.set_xlabel("share of questions (%)")
    return Plot(
        "flips",
        "How many answers changed, and which way",
        "To the left, orange: right became wrong. To the right, blue: wrong became right, then grey: wrong became another wrong. "
        "Direction: -1 all losses, +1 all gains. The purple line is the volume of the noise floor, where one was given."
        f"{capped(len(kept), len(every), TASKS)}",
        "; ".join(said),
        figure,
    )
