"""Figure of what each variant lost or gained against its size: one panel per task, all of one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, is_significant
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.origin import Origin
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.figures.changes import LEGEND, colour
from mcqa_suite.reporting.figures.layout import MOST_TASKS, TASKS, capped, panels, scale
from mcqa_suite.reporting.figures.style import LINE, MUTED, SAME, Plot, short
from mcqa_suite.reporting.headlines import interval
from mcqa_suite.reporting.tables import unit
from mcqa_suite.reporting.task_names import readable

Groups = Sequence[Sequence[ComparisonRow]]
MOST_LABELS = 12  # in a panel
INCHES, LABEL = 2.3, 0.145  # the height of a panel and of a label
TICK = 0.14  # the room of a tick's number, of the width of a panel


def against_size(report: Comparison, tops: Groups, runs: Sequence[Run]) -> Plot | None:
    """Plot the differences over the size on disk, or over bits per weight; None for fewer than two different sizes."""
    origins = {run.name: run.origin for run in runs}
    by_size = all(_size(origins.get(row.variant)) for rows in tops for row in rows if row.kind != "noise floor")
    sizes = {name: x for name, origin in origins.items() if (x := _size(origin) if by_size else origin.bits_per_weight)}
    groups = [
        drawn for rows in tops if (drawn := [row for row in rows if row.variant in sizes and row.kind != "noise floor"])
    ]
    if len({sizes[row.variant] for rows in groups for row in rows}) < 2:
        return None
    shown = groups[:MOST_TASKS]
    parents = _by_parent(shown)
    against = next(iter(parents)) if len(parents) == 1 else report.against
    reach = _limits([row for rows in shown for row in rows if is_share(row.metric)])
    what = "size on disk" if by_size else "bits per weight"
    figure, axes = panels(len(shown), 2, INCHES)
    tips: dict[str, str] = {}
    for ax, rows in zip(axes, shown, strict=True):
        _panel(ax, rows, sizes, reach if is_share(rows[0].metric) else _limits(rows), tips)
        ax.set_title(short(readable(rows[0].title), 44))
        ax.set_ylabel(f"difference to {short(against, 16)}{unit(rows[0].metric, ' (points)')}", fontsize=7.5)
        ax.set_xlabel(f"{what} ({'MB, ' * by_size}log scale)", fontsize=7.5)
    handles = [
        Line2D([], [], marker="o", ls="", color=ink, mfc=ink if full else "#ffffff", label=name)
        for name, ink, full in LEGEND
    ]
    if any(row.verdict == "not valid" for rows in shown for row in rows):
        handles.append(Line2D([], [], marker="X", ls="", color=SAME, label="not valid"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    return Plot(
        "size",
        f"What a smaller model costs, against {against}",
        f"Difference to {against} with its 95 % interval, over the {what}. On the line at 0 nothing was lost."
        f"{_made_from(parents) if len(parents) > 1 else ''}{capped(len(shown), len(groups), TASKS)}",
        "; ".join(tips.values()),
        figure,
        tips,
    )


def _size(origin: Origin | None) -> float | None:
    return origin.size_mb if origin else None


def _by_parent(groups: Groups) -> dict[str, list[str]]:
    """Each parent with its variants."""
    parents: dict[str, list[str]] = {}
    for variant, parent in {row.variant: row.parent for rows in groups for row in rows}.items():
        parents.setdefault(parent, []).append(variant)
    return parents


def _made_from(parents: Mapping[str, Sequence[str]]) -> str:
    return "".join(f" Made from {parent}: {', '.join(variants)}." for parent, variants in parents.items())


def _limits(rows: Sequence[ComparisonRow]) -> tuple[float, float]:
    """The ends of a vertical axis that shows 0 and every interval of `rows`."""
    differences = [row.change.difference for row in rows]
    ends = [end for each in differences for end in (each.low, each.value, each.high) if isfinite(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = 0.12 * (high - low) or 0.01
    factor = scale(rows[0].metric) if rows else 1
    return factor * (low - room), factor * (high + room)


def _panel(
    ax: Axes,
    rows: Sequence[ComparisonRow],
    sizes: Mapping[str, float],
    limits: tuple[float, float],
    tips: dict[str, str],
) -> None:
    ax.set_xscale("log")
    factor = scale(rows[0].metric)
    ax.axhline(0, color=MUTED, lw=0.9)
    for row in rows:
        difference, ink, x = row.change.difference, colour(row), sizes[row.variant]
        name = f"size-{len(tips)}"
        tips[name] = f"{row.variant} on {readable(row.title)}: {interval(row)}, {row.verdict}"
        ax.plot([x, x], [factor * difference.low, factor * difference.high], color=ink, lw=1.4, gid=name)
        marker = "X" if row.verdict == "not valid" else "o"
        inside = ink if is_significant(row) or marker == "X" else "#ffffff"
        ax.plot([x], [factor * difference.value], marker, ms=5.5, color=ink, mfc=inside, gid=name)
    xs = [sizes[row.variant] for row in rows]
    low, high = min(xs) / 1.25, max(xs) * 1.25
    ax.set_xlim(low, high)
    ticks = sorted({round(x, 2 if x < 10 else 0) for x in xs})
    shown = apart(ticks, (high / low) ** TICK)
    ax.set_xticks(shown, [f"{x:g}" for x in shown])
    ax.minorticks_off()
    ax.set_ylim(*limits)
    ax.grid(axis="y")
    _label(ax, rows, sizes, factor)


def _label(ax: Axes, rows: Sequence[ComparisonRow], sizes: Mapping[str, float], factor: int) -> None:
    """The names in a column at the right, each with a thin line to its point, and none on another."""
    bottom, top = ax.get_ylim()
    ordered = sorted(rows, key=lambda row: -row.change.difference.value)[:MOST_LABELS]
    step = (top - bottom) * LABEL / (INCHES * 0.72)
    heights = spread([factor * row.change.difference.value for row in ordered], step, bottom + step / 2, top - step / 2)
    for row, y in zip(ordered, heights, strict=True):
        point = (sizes[row.variant], factor * row.change.difference.value)
        ax.annotate(
            short(row.variant, 16),
            point,
            (1.04, y),
            textcoords=ax.get_yaxis_transform(),
            va="center",
            fontsize=7.5,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": LINE, "lw": 0.6, "shrinkB": 3, "shrinkA": 1},
            color=SAME if not is_significant(row) else colour(row),
        )


def apart(ticks: Sequence[float], ratio: float) -> list[float]:
    """Of ascending ticks on a logarithmic axis, the last one and those that are at least `ratio` below the next one shown."""
    shown: list[float] = []
    for x in reversed(ticks):
        if not shown or shown[-1] / x >= ratio:
            shown.append(x)
    return shown[::-1]


def spread(values: Sequence[float], step: float, bottom: float, top: float) -> list[float]:
    """Descending heights near descending `values`, at least `step` apart, between `top` and `bottom` if they fit."""
    heights: list[float] = []
    for value in values:
        heights.append(min(value, heights[-1] - step) if heights else min(value, top))
    if heights and heights[-1] < bottom:
        heights[-1] = bottom
        for i in range(len(heights) - 2, -1, -1):
            heights[i] = max(heights[i], heights[i + 1] + step)
    return heights
