"""Figures of differences to what each variant was made from: by task and group, inside a group, and the answers that changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mcqa_suite.analysis.compare import Comparison, ComparisonRow, is_significant
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.reporting.figures.layout import capped, line_plot, margin_text, panel_title, panels, scale
from mcqa_suite.reporting.figures.style import BAND, BETTER, FLOOR, INK, MUTED, REST, SAME, WORSE, Plot, short
from mcqa_suite.reporting.headlines import interval, parts_of
from mcqa_suite.reporting.tables import unit
from mcqa_suite.reporting.task_names import readable

# Of figures about the tasks inside a group. MMLU has 57.
FEWEST_PARTS, MOST_PARTS, MOST_GROUPS, MOST_VARIANTS = 3, 60, 3, 8
FORMAT = re.compile(r"_(cloze|cot|harness)$")  # at the end of a task's name
Groups = Sequence[Sequence[ComparisonRow]]
# (word, colour, filled) of a difference
LEGEND = (
    ("significantly worse", WORSE, True),
    ("significantly better", BETTER, True),
    ("not significant", SAME, False),
)


def colour(row: ComparisonRow) -> str:
    """The colour of a difference: grey unless it is significant."""
    if row.kind == "noise floor":
        return FLOOR
    if not is_significant(row):
        return SAME
    return BETTER if row.gain > 0 else WORSE


def label(row: ComparisonRow) -> str:
    return short(row.variant) + (" (noise floor)" if row.kind == "noise floor" else "")


def labelled(
    tops: Groups, has_data: Callable[[ComparisonRow], object] = bool
) -> list[tuple[str, list[tuple[str, ComparisonRow]]]]:
    """Each task with its rows that have data, and their labels."""
    groups = [(readable(rows[0].title), [(label(row), row) for row in rows if has_data(row)]) for rows in tops]
    return [(task, rows) for task, rows in groups if rows]


def forest(report: Comparison, tops: Groups) -> Plot:
    """Plot the paired differences with their intervals, and the band of the equivalence margin."""
    margin, metric = 100 * report.margin, tops[0][0].metric
    points = f"{margin:g} {'point' if margin == 1 else 'points'}"
    band = f"The band is the equivalence margin, ± {points}. " if is_share(metric) else ""
    words = (
        "forest",
        f"Difference of each variant to {report.against}",
        f"Paired difference with its 95 % interval. {band}Significant is after Holm's correction.",
    )
    xlabel = f"difference to {short(report.against)}{unit(metric, ' (percentage points)')}"
    plot, axes, _heights = line_plot(words, labelled(tops), _forest_line, xlabel)
    if band:
        axes.axvspan(-margin, margin, color=BAND, lw=0, zorder=0)
    axes.axvline(0, color=MUTED, lw=0.8, zorder=1)
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="s", color=ink, mfc=ink if full else "#ffffff", label=name) for name, ink, full in LEGEND
    ]
    verdicts = {row.verdict for rows in tops for row in rows}
    handles += [Line2D([], [], marker="X", ls="", color=SAME, label="not valid")] if "not valid" in verdicts else []
    floor = any(row.kind == "noise floor" for rows in tops for row in rows)
    handles += [Line2D([], [], marker="D", color=FLOOR, mfc="#ffffff", label="noise floor")] if floor else []
    handles += [Patch(facecolor=BAND, label="margin")] if band else []
    plot.figure.legend(handles=handles, loc="outside upper left", ncols=6, frameon=False, fontsize=8)
    return plot


def _forest_line(axes: Axes, y: float, row: ComparisonRow) -> str:
    d, ink, factor = row.change.difference, colour(row), scale(row.metric)
    axes.plot([factor * d.low, factor * d.high], [y, y], color=ink, lw=1.6, solid_capstyle="butt")
    marker = "X" if row.verdict == "not valid" else "D" if row.kind == "noise floor" else "s"
    full = is_significant(row) or row.verdict == "not valid"
    axes.plot([factor * d.value], [y], marker, ms=5, color=ink, mfc=ink if full else "#ffffff", mew=1.3)
    margin_text(axes, y, row.verdict, ink)
    return f"{interval(row)}, {row.verdict}"


def flips(tops: Groups) -> Plot | None:
    """Plot the shares of answers that changed, by direction."""
    groups = labelled(tops, lambda row: row.flips)
    if not groups:
        return None
    words = (
        "flips",
        "Answers that changed",
        "Losses to the left, gains and other wrong answers to the right. Direction: -1 only losses, +1 only gains.",
    )
    plot, axes, heights = line_plot(words, groups, _flips_line, "share of questions (%)")
    for (_task, rows), ys in zip(groups, heights, strict=False):
        for share in [_share(row, "total") for _, row in rows if row.kind == "noise floor"]:
            axes.plot([share, share], [ys[0] - 0.4, ys[-1] + 0.4], color=FLOOR, lw=1.6)
    axes.axvline(0, color=INK, lw=0.9)
    kinds = (("right to wrong", WORSE), ("wrong to right", BETTER), ("wrong to another wrong answer", REST))
    handles: list[Patch | Line2D] = [Patch(facecolor=ink, label=name) for name, ink in kinds]
    floor = any(row.kind == "noise floor" for _, rows in groups for _, row in rows)
    handles += [Line2D([], [], color=FLOOR, label="all changes of the noise floor")] if floor else []
    plot.figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -1), max(high, 1))
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    return plot


def _share(row: ComparisonRow, kind: str) -> float:
    return 100 * float(getattr(row.flips, kind)) / row.n


def _flips_line(axes: Axes, y: float, row: ComparisonRow) -> str:
    gain = _share(row, "wrong_to_right")
    axes.barh(y, -_share(row, "right_to_wrong"), color=WORSE, height=0.66)
    axes.barh(y, gain, color=BETTER, height=0.66)
    axes.barh(y, _share(row, "wrong_to_wrong"), left=gain, color=REST, height=0.66)
    direction = row.flips.direction if row.flips else None
    text = f"{_share(row, 'total'):.1f} %" + ("" if direction is None else f", direction {direction:+.2f}")
    margin_text(axes, y, text)
    return text


def dumbbells(report: Comparison, tops: Groups) -> list[Plot]:
    """One figure per group of at least three tasks, with one panel per variant."""
    groups = [(rows[0], parts) for rows in tops if len(parts := parts_of(report, rows)) >= FEWEST_PARTS]
    more = capped(MOST_GROUPS, len(groups), "groups")
    return [_dumbbell(report.against, top, parts, more) for top, parts in groups[:MOST_GROUPS]]


def _dumbbell(against: str, top: ComparisonRow, parts: Groups, more: str) -> Plot:
    total = len(parts)
    if total > MOST_PARTS:
        parts = sorted(parts, key=lambda rows: -max(abs(row.gain) for row in rows))[:MOST_PARTS]
        more = f" The {MOST_PARTS} of {total} tasks that changed most are shown.{more}"
    parts = sorted(parts, key=lambda rows: rows[0].change.base.value)
    variants = list(dict.fromkeys(row.variant for rows in parts for row in rows if row.kind != "noise floor"))
    names = variants[:MOST_VARIANTS]
    prefix = f"{FORMAT.sub('', top.task)}_"
    titles = [short(FORMAT.sub("", rows[0].task).removeprefix(prefix)) for rows in parts]
    figure, grid = panels(len(names), len(names), 0.9 + 0.17 * len(parts), sharex=True, sharey=True)
    words = []
    for ax, name in zip(grid, names, strict=True):
        rows = [(y, row) for y, group in enumerate(parts) for row in group if row.variant == name]
        words += [f"{name}, {titles[y]}: {_dumbbell_line(ax, y, row)}" for y, row in rows]
        if top.chance is not None:
            ax.axvline(100 * top.chance, color=MUTED, lw=0.9, ls=(0, (1, 2)))
        ax.set_title(panel_title(name, len(names) + 2), fontsize=8)
        ax.set_xlabel(f"{short(top.metric, 12)}{unit(top.metric, ' (%)')}", fontsize=7)
        ax.grid(axis="y")
        ax.tick_params(axis="y", length=0)
    grid[0].set_yticks(range(len(parts)), titles, fontsize=7.5)
    return Plot(
        f"tasks-{_slug(top.task)}-{_slug(top.filter)}",
        f"The {total} tasks of {short(readable(top.title))}",
        f"{short(top.metric)}{unit(top.metric, ' in %')}. Empty circle: {short(against)}; full circle: the variant; cross: the "
        "variant is not valid. Lines are thick and coloured where the difference is significant after correction. Dotted line: "
        "chance."
        f"{capped(len(names), len(variants), 'variants')}{more}",
        "; ".join(words),
        figure,
    )


def _dumbbell_line(ax: Axes, y: float, row: ComparisonRow) -> str:
    before, after = (scale(row.metric) * side.value for side in (row.change.base, row.change.variant))
    ax.plot([before, after], [y, y], color=colour(row), lw=2.2 if is_significant(row) else 1.1)
    ax.plot([before], [y], "o", color=INK, mfc="#ffffff", ms=3.8, mew=1)
    ax.plot([after], [y], "X" if row.verdict == "not valid" else "o", color=colour(row), ms=4)
    return f"{before:.0f} to {after:.0f} %" if is_share(row.metric) else f"{before:.4g} to {after:.4g}"


def _slug(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)
