"""The figures of a report, in the order of the page; the page shows those of MAIN, the others are folded.

A figure with nothing to show is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import matplotlib as mpl

from mcqa_suite.analysis.compare import Comparison
from mcqa_suite.reporting.figures import changes, choices
from mcqa_suite.reporting.figures.reads import reads
from mcqa_suite.reporting.figures.sizes import against_size
from mcqa_suite.reporting.figures.speeds import against_speed
from mcqa_suite.reporting.figures.style import SETTINGS, Plot, css_variables, files, inline
from mcqa_suite.reporting.figures.training import Curve, training
from mcqa_suite.reporting.headlines import headlines
from mcqa_suite.reporting.page_data import Page

MAIN = ("forest", "size", "flips")  # the beginnings of their names
__all__ = ["Plot", "css_variables", "draw", "files", "inline"]


@mpl.rc_context(SETTINGS)
def draw(page: Page, curves: Sequence[Curve] = ()) -> list[tuple[int | None, Plot]]:
    """Draw every figure that has data, and with those that belong to one way to compare its number in `page.views`."""
    base, report = page.base, page.report
    tops = headlines(report) if report else []
    plots: list[tuple[int | None, Plot | None]] = []
    for number, (comparison, _board) in enumerate(page.views):
        if rows := headlines(comparison):
            plots.append((number, _of_view(changes.forest(comparison, rows), comparison, number)))
    models = [run for run in page.runs if run is not page.floor]
    for number, (comparison, _board) in enumerate(page.views):
        plots.append((number, _of_view(against_size(comparison, headlines(comparison), models), comparison, number)))
    for number, (comparison, _board) in enumerate(page.views):
        plots.append((number, _of_view(changes.flips(headlines(comparison)), comparison, number)))
    if report and base and tops:
        variants = [run for run in models if run is not base]
        more = [choices.divergence(tops, page.runs, report.against)]
        more += [draw(tops, base, variants) for draw in (choices.reliability, choices.letters, choices.confusion)]
        plots += [(None, plot) for plot in (*more, *changes.dumbbells(report, tops))]
    plots += [
        (None, reads(models)),
        (None, against_speed(page.board) if page.board else None),
        (None, training(curves)),
    ]
    only = len(page.views) < 2
    return [(None if only else view, plot) for view, plot in plots if plot is not None]


def _of_view(plot: Plot | None, comparison: Comparison, number: int) -> Plot | None:
    """A figure of another way to compare than the first, under a name of its own."""
    suffix = "to-base" if comparison.against == comparison.base else "to-parent"
    return replace(plot, name=f"{plot.name}-{suffix}") if plot and number else plot
