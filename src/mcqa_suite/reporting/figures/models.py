"""Small panels: a line a task, in it the base and then each variant on the documents that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mcqa_suite.analysis.compare import ComparisonRow
from mcqa_suite.analysis.compare.pairing import Answers, Pairs
from mcqa_suite.logs.runs import Run
from mcqa_suite.reporting.figures.changes import TASKS
from mcqa_suite.reporting.figures.style import WIDTH, capped
from mcqa_suite.reporting.views import pairs_of

MOST_TASKS, MOST_MODELS = 4, 8


@dataclass(frozen=True)
class Model:
    """One panel: a model on the documents of one task that it shares with the base."""

    name: str
    pairs: Pairs
    side: Answers
    row: ComparisonRow


def models_of(rows: Sequence[ComparisonRow], base: Run, variants: Sequence[Run]) -> list[Model]:
    """The base, as paired with the first variant, then each variant."""
    named = {run.name: run for run in variants}
    found: list[Model] = []
    for row in [row for row in rows if row.variant in named][: MOST_MODELS - 1]:
        pairs = pairs_of(base, named[row.variant], row)
        if not found:
            found.append(Model(base.name, pairs, pairs.base, row))
        found.append(Model(row.variant, pairs, pairs.variant, row))
    return found


def panels_of(table: Sequence[Sequence[Any]], height: float) -> tuple[Figure, list[list[Axes]]]:
    """Axes for every entry of a table whose lines may differ in length."""
    figure = Figure(figsize=(WIDTH, len(table) * height + 0.35), layout="constrained")
    grid = figure.subplots(len(table), max(map(len, table)), sharex="row", sharey="row", squeeze=False)
    for line, models in zip(grid, table, strict=True):
        for ax in line[len(models) :]:
            ax.set_visible(False)
    return figure, [list(line[: len(models)]) for line, models in zip(grid, table, strict=True)]


def left_out(shown: int, tasks: int, variants: int) -> str:
    """For a caption: what the small panels have no room for."""
    return capped(shown, tasks, TASKS) + capped(MOST_MODELS - 1, variants, "variants")
