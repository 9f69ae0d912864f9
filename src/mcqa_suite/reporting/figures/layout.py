"""Layouts that figures share: lines under task headings, and small panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mcqa_suite.analysis.compare import ComparisonRow
from mcqa_suite.analysis.compare.pairing import Answers, Pairs, joined, pair
from mcqa_suite.logs.metrics import is_share
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.figures.style import INK, WIDTH, Plot, short
from mcqa_suite.reporting.task_names import readable

T = TypeVar("T")
Words = tuple[str, str, str]  # the name, title and caption of a figure
MOST_TASKS = 12  # in a figure with one line per model
MOST_PANEL_TASKS, MOST_MODELS = 4, 8  # rows and columns of a figure of small panels
TASKS = "tasks and groups"


def capped(shown: int, total: int, what: str) -> str:
    """The sentence of a caption that says how much is shown; "" where all is shown."""
    return f" The first {shown} of {total} {what} are shown." if shown < total else ""


def scale(metric: str) -> int:
    """What its values are multiplied by in a figure: shares are drawn in per cent."""
    return 100 if is_share(metric) else 1


def panel_title(name: object, columns: int) -> str:
    """A name, cut to the width of a panel in a row of `columns` panels."""
    return short(name, max(8, 84 // max(columns, 5)))


def line_plot(
    words: Words,
    groups: Sequence[tuple[str, Sequence[tuple[str, T]]]],
    draw: Callable[[Axes, float, T], str],
    xlabel: str,
    *,
    most: int = MOST_TASKS,
    inches: float = 0.19,
) -> tuple[Plot, Axes, list[list[float]]]:
    """Plot a line for each (name, item), under a bold heading for each group.

    Also return the axes and the y positions of each group. `draw` draws an item at its y position and returns the words of its
    text alternative, "" for none.
    """
    ticks: list[tuple[float, str]] = []
    headings, heights, y = [], [], 0.0
    for heading, lines in groups[:most]:
        headings.append(len(ticks))
        heights.append([y + number for number in range(1, len(lines) + 1)])
        ticks += [(y, short(heading)), *zip(heights[-1], (short(name) for name, _ in lines), strict=True)]
        y += len(lines) + 1.5
    figure = Figure(figsize=(WIDTH, 0.85 + inches * (y - 0.5)), layout="constrained")
    axes = figure.subplots()
    axes.set_ylim(y - 0.5, -0.8)
    axes.set_yticks([height for height, _ in ticks], [text for _, text in ticks])
    labels = axes.get_yticklabels()
    for index in headings:
        labels[index].set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel(xlabel)
    name, title, caption = words
    tips: dict[str, str] = {}
    for (heading, lines), ys in zip(groups, heights, strict=False):
        for (line, item), height in zip(lines, ys, strict=True):
            before = set(axes.get_children())
            if text := draw(axes, height, item):
                tips[gid := f"{name}-{len(tips)}"] = f"{line} on {heading}: {text}"
                for artist in set(axes.get_children()) - before:
                    artist.set_gid(gid)
    caption += capped(len(heights), len(groups), TASKS)
    return Plot(name, title, caption, "; ".join(tips.values()), figure, tips), axes, heights


def margin_text(axes: Axes, y: float, text: str, colour: str = INK) -> None:
    """Text at the right of a line."""
    axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", color=colour, fontsize=8)


def panels(count: int, columns: int, height: float, **shared: Any) -> tuple[Figure, list[Axes]]:
    """A figure with `count` small axes; `height` of each in inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, rows * height), layout="constrained")
    flat = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for spare in flat[count:]:
        spare.set_visible(False)
    return figure, flat[:count]


@dataclass(frozen=True)
class Model:
    """One panel: a model on the documents of one task that it shares with the base."""

    name: str
    pairs: Pairs
    side: Answers
    row: ComparisonRow

    @property
    def is_base(self) -> bool:
        return self.side is self.pairs.base


def model_panels(
    words: Words,
    groups: Sequence[Sequence[ComparisonRow]],
    base: Run,
    variants: Sequence[Run],
    draw: Callable[[Axes, Model], str],
    height: float,
    ylabel: str,
    xlabel: str = "",
    *,
    sign: str = "",
    most: int = MOST_PANEL_TASKS,
) -> Plot | None:
    """A row of panels for each task: the base, then each variant; None where there is no variant to show.

    `draw` draws one panel and returns the words of its text alternative; `sign` goes before the names of the variants.
    """
    runs = {run.name: run for run in (base, *variants)}
    tasks = [rows for group in groups if (rows := [row for row in group if row.variant in runs])]
    table = [_models(rows[: MOST_MODELS - 1], runs) for rows in tasks[:most]]
    if not table:
        return None
    figure = Figure(figsize=(WIDTH, len(table) * height + 0.35), layout="constrained")
    grid = figure.subplots(len(table), max(map(len, table)), sharex="row", sharey="row", squeeze=False)
    texts = []
    for line, models in zip(grid, table, strict=True):
        for ax, model in zip(line, models, strict=False):
            title = panel_title(model.name, len(models) + 2 * len(sign))
            ax.set_title(title if model.is_base else sign + title, fontsize=8)
            texts.append(draw(ax, model))
        for ax in line[len(models) :]:
            ax.set_visible(False)
        line[0].set_ylabel(f"{short(readable(models[0].row.title), 22)}\n{ylabel}", fontsize=7)
    for ax in grid[-1]:
        ax.set_xlabel(xlabel, fontsize=7.5)
    name, title, caption = words
    rest = capped(len(table), len(tasks), TASKS) + capped(MOST_MODELS - 1, len(variants), "variants")
    return Plot(name, title, caption + rest, "; ".join(filter(None, texts)), figure)


def pairs_of(runs: Mapping[str, Run], row: ComparisonRow) -> Pairs:
    """The paired documents of a row; `runs` by name."""
    base, variant = runs[row.parent], runs[row.variant]
    keys = [(name, row.filter) for name in row.members or (row.task,)]
    parts = [pair(base.tasks[key].samples, variant.tasks[key].samples, row.metric)[0] for key in keys]
    return parts[0] if len(parts) == 1 else joined([part for part in parts if part.n])


def _models(rows: Sequence[ComparisonRow], runs: Mapping[str, Run]) -> list[Model]:
    """The parent of the first variant, which is called the base, then each variant; each is paired with its parent."""
    pairs = [pairs_of(runs, row) for row in rows]
    models = [Model(row.variant, pair, pair.variant, row) for row, pair in zip(rows, pairs, strict=True)]
    return [Model(rows[0].parent, pairs[0], pairs[0].base, rows[0]), *models]
