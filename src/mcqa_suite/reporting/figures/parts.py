"""Below the headlines: tasks of a group, and what could be read of generated answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mcqa_suite.analysis.compare import Comparison, ComparisonRow
from mcqa_suite.logs.runs import Run, TaskRun
from mcqa_suite.reporting.figures.changes import MOST_TASKS, TASKS, colour, head_up
from mcqa_suite.reporting.figures.style import (
    BETTER,
    FLOOR,
    INK,
    MUTED,
    REST,
    WIDTH,
    WORSE,
    Plot,
    capped,
    short,
    title_of,
)
from mcqa_suite.reporting.tables import percent
from mcqa_suite.reporting.views import parts_of, significant

FEWEST, MOST_FIGURES, MOST_PANELS = 3, 3, 8
# (name, colour) of what a generated answer can be; what is neither was not read for another reason.
STATES = (("read", BETTER), ("refused", FLOOR), ("truncated", WORSE), ("otherwise unread", REST))


def dumbbells(report: Comparison, tops: Sequence[Sequence[ComparisonRow]]) -> list[Plot]:
    """A figure for each group of at least three tasks: base and variant side by side, a panel a variant."""
    found = [(rows[0], parts) for rows in tops if len(parts := parts_of(report, rows)) >= FEWEST]
    more = capped(MOST_FIGURES, len(found), "groups")
    return [_dumbbell(report.base, top, parts, more) for top, parts in found[:MOST_FIGURES]]


def _dumbbell(base: str, top: ComparisonRow, parts: Sequence[Sequence[ComparisonRow]], more: str) -> Plot:
    parts = sorted(parts, key=lambda rows: rows[0].change.base.value)
    every = list(dict.fromkeys(row.variant for rows in parts for row in rows if row.kind != "noise floor"))
    names = every[:MOST_PANELS]
    prefix = f"{top.task.removesuffix('_cloze').removesuffix('_cot')}_"
    titles = [short(rows[0].task.removeprefix(prefix).removesuffix("_cloze").removesuffix("_cot")) for rows in parts]
    figure = Figure(figsize=(WIDTH, 0.9 + 0.17 * len(parts)), layout="constrained")
    grid = figure.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
    said = []
    for ax, name in zip(grid, names, strict=True):
        for y, rows in enumerate(parts):
            row = next((row for row in rows if row.variant == name), None)
            if row is None:
                continue
            before, after = 100 * row.change.base.value, 100 * row.change.variant.value
            ax.plot([before, after], [y, y], color=colour(row), lw=2.2 if significant(row) else 1.1)
            ax.plot([before], [y], "o", color=INK, mfc="#ffffff", ms=3.8, mew=1)
            ax.plot([after], [y], "X" if row.verdict == "broken" else "o", color=colour(row), ms=4)
            said.append(f"{name}, {titles[y]}: {before:.0f} to {after:.0f} %")
        if top.chance is not None:
            ax.axvline(100 * top.chance, color=MUTED, lw=0.9, ls=(0, (1, 2)))
        ax.set_title(title_of(name, len(names) + 2), fontsize=8)
        ax.set_xlabel(f"{short(top.metric, 12)} (%)", fontsize=7)
        ax.grid(axis="y")
        ax.tick_params(axis="y", length=0)
    grid[0].set_yticks(range(len(parts)), titles, fontsize=7.5)
    return Plot(
        f"tasks-{_plain(top.task)}-{_plain(top.filter)}",
        f"The {len(parts)} tasks of {short(top.task)}",
        f"{short(top.metric)} in %: empty circle {short(base)}, full circle the variant, a cross where it is broken; thick and "
        f"coloured only where significant after correction. Dotted: chance.{capped(len(names), len(every), 'variants')}{more}",
        "; ".join(said),
        figure,
    )


def _plain(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)


def reads(models: Sequence[Run]) -> Plot | None:
    """What became of generated answers: read, refused, truncated, or not read for another reason."""
    found: dict[tuple[str, str], list[tuple[str, list[float]]]] = {}
    for run in models:
        for key, task in run.tasks.items():
            if task.unread is not None:
                found.setdefault(key, []).append((run.name, _states(task)))
    if not found:
        return None
    shown = dict(list(found.items())[:MOST_TASKS])
    lines = sum(len(rows) + 1.5 for rows in shown.values())
    figure = Figure(figsize=(WIDTH, 0.9 + 0.19 * lines), layout="constrained")
    axes = figure.subplots()
    headings: list[tuple[float, str]] = []
    ticks: list[tuple[float, str]] = []
    y, said = 0.0, []
    for (name_of_task, _filter), rows in shown.items():
        headings.append((y, short(name_of_task)))
        for name, shares in rows:
            y += 1
            ticks.append((y, short(name)))
            starts = np.concatenate([[0.0], np.cumsum(shares)[:-1]])
            for (state, ink), start, share in zip(STATES, starts, shares, strict=True):
                axes.barh(
                    y, 100 * share, left=100 * start, color=ink, height=0.66, label=state if len(ticks) == 1 else ""
                )
            text = ", ".join(f"{state} {percent(s)} %" for (state, _), s in zip(STATES, shares, strict=True) if s)
            said.append(f"{name} on {name_of_task}: {text}")
            axes.text(
                1.02, y, f"{percent(shares[0])} % read", transform=axes.get_yaxis_transform(), va="center", fontsize=8
            )
        y += 1.5
    axes.set(xlim=(0, 100), ylim=(y - 0.5, -0.8), xlabel="share of responses (%)")
    head_up(axes, [*headings, *ticks], len(headings))
    figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=8)
    return Plot(
        "reads",
        "What could be read of generated answers",
        "Read: an answer was found. Refused, truncated and otherwise unread answers count as wrong."
        f"{capped(len(shown), len(found), TASKS)}",
        "; ".join(said),
        figure,
    )


def _states(task: TaskRun) -> list[float]:
    scores = task.samples.scores
    unread = task.unread or 0.0
    refused, truncated = (
        float(np.nanmean(scores[name])) if name in scores else 0.0 for name in ("refused", "truncated")
    )
    return [1 - unread, refused, truncated, max(0.0, unread - refused - truncated)]
